import { parse as parseQuery } from 'node:querystring';
import { unknownKeys } from '../protocol/validation.js';

/**
 * Refuses a query on a route that reads none. [E4]
 * @param url path and query
 * @throws SwitchboardError `payload.invalid`, naming the parameters
 */
export function assertNoQuery(url: string): void {
  const start = url.indexOf('?');
  if (start === -1 || start === url.length - 1) return;
  const names = Object.keys(parseQuery(url.slice(start + 1)));
  if (names.length > 0) throw unknownKeys(names, []);
}
