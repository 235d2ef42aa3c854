import type { NextFunction, Request, Response } from 'express';
import { sendProblem } from '../http/problem.js';
import { SwitchboardError } from '../protocol/errors.js';

/** What the service shows beside the API: all of it is there to be read. [C5] */
const PAGES =
  /^\/(?:health\/(?:live|ready)|metrics|openapi\.json|(?:docs|console|playground)(?:\/.*)?)?\/?$/i;

/**
 * Refuses a method that a path of the service does not have, and names those that it has. [E4]
 *
 * Of paths under `/v1` the API has said them; what comes here of them is the question for them.
 */
export function refuseOtherMethods(
  { method, path }: Pick<Request, 'method' | 'path'>,
  response: Response,
  next: NextFunction,
): void {
  const isRead = method === 'GET' || method === 'HEAD';
  if (!isRead && PAGES.test(path)) response.setHeader('Allow', 'GET, HEAD');
  if (isRead || !response.hasHeader('Allow')) return next();
  if (method === 'OPTIONS') response.status(204).end();
  else sendProblem(response, new SwitchboardError('method.not_allowed'));
}
