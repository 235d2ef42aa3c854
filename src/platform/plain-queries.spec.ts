import type { IncomingMessage } from 'node:http';
import { readPlainQueries } from './plain-queries.js';

type Request = IncomingMessage & { _query?: Record<string, string> };

describe('readPlainQueries', () => {
  const handled: { name: string; request: Request; rest: unknown[] }[] = [];
  const handlerOf =
    (name: string) =>
    (request: Request, ...rest: unknown[]): void =>
      void handled.push({ name, request, rest });
  const engine = { handleRequest: handlerOf('request'), handleUpgrade: handlerOf('upgrade') };
  readPlainQueries(engine);

  const handle = (url: string, query?: Record<string, string>): Request => {
    const request = { url, ...(query && { _query: query }) } as unknown as Request;
    engine.handleRequest(request, 'response');
    return request;
  };
  beforeEach(() => handled.splice(0));

  it.each([
    '/any/path/?EIO=3&transport=websocket',
    '/socket.io/?EIO=4&transport=websocket',
    '/socket.io/?EIO=4&transport=websocket&sid=aB-_c0',
    '/socket.io/?EIO=4&transport=polling&t=PxQ.12_3-z&sid=aB-_c0',
    '/socket.io/?transport=polling&EIO=4&token=&b64=1',
    '/socket.io/?EIO=4&EIO=3&constructor=a&toString=b',
  ])('reads the query of %s as a URL parser would', (url) => {
    const request = handle(url);
    const expected = new URL(url, 'http://localhost').searchParams.entries();
    expect(request._query).toEqual(Object.fromEntries(expected));
    expect(handled).toEqual([{ name: 'request', request, rest: ['response'] }]);
  });

  it('reads each as if it were the first of its kind, whatever was done to the one before', () => {
    const urls = ['/socket.io/?EIO=4&transport=websocket', '/socket.io/?EIO=4&token=secret'];
    for (const url of [
      ...urls,
      ...urls,
      ...Array.from({ length: 150 }, (_, index) => `/${index}${urls[0]!}`),
      ...urls,
    ]) {
      const { _query: query } = handle(url);
      expect(query).toEqual(Object.fromEntries(new URL(url, 'http://localhost').searchParams));
      query!['EIO'] = 'changed';
    }
  });

  it('reads that of an upgrade, and hands it on with all that belongs to it', () => {
    const request = { url: '/socket.io/?EIO=4&transport=websocket' } as Request;
    engine.handleUpgrade(request, 'socket', 'head');
    expect(request._query).toEqual({ EIO: '4', transport: 'websocket' });
    expect(handled).toEqual([{ name: 'upgrade', request, rest: ['socket', 'head'] }]);
  });

  it('gives each request an object of its own', () => {
    const url = '/socket.io/?EIO=4&transport=websocket';
    expect(handle(url)._query).not.toBe(handle(url)._query);
  });

  it.each([
    '/socket.io/?EIO=4&transport=websocket&token=a%20b',
    '/socket.io/?EIO=4&transport=websocket&token=a+b',
    '/socket.io/?EIO=4&transport=websocket&__proto__=a',
    '/socket.io/?EIO=4&transport=websocket&flag',
    '/socket.io/?EIO=4&&transport=websocket',
    '/socket.io/?EIO=4&transport=websocket#?EIO=4&transport=websocket',
    '/socket.io/?a=b?EIO=4&transport=websocket',
    '/socket.io/?a=b=c',
    '/socket.io/?',
    '/socket.io/',
  ])('leaves %s to Engine.IO', (url) => {
    expect(handle(url)._query).toBeUndefined();
    expect(handled).toHaveLength(1);
  });

  it('leaves a query that somebody has read as it is', () => {
    const query = { EIO: '4', transport: 'websocket' };
    expect(handle('/socket.io/?EIO=4&transport=websocket', query)._query).toBe(query);
  });
});
