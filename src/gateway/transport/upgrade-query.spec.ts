import type { IncomingMessage } from 'node:http';
import { readPlainQueries } from './upgrade-query.js';

type Request = IncomingMessage & { _query?: Record<string, string> };

describe('readPlainQueries', () => {
  const handled: { request: Request; rest: unknown[] }[] = [];
  const engine = {
    handleUpgrade: (request: Request, ...rest: unknown[]): void => {
      handled.push({ request, rest });
    },
  };
  readPlainQueries(engine);

  const handle = (url: string, query?: Record<string, string>): Request => {
    const request = { url, ...(query && { _query: query }) } as unknown as Request;
    engine.handleUpgrade(request, 'socket', 'head');
    return request;
  };
  beforeEach(() => handled.splice(0));

  it.each(['3', '4'])('reads the query of a plain upgrade, version %s, as a URL parser would', (version) => {
    const request = handle(`/any/path/?EIO=${version}&transport=websocket`);
    const expected = new URL(request.url!, 'http://localhost').searchParams.entries();
    expect(request._query).toEqual(Object.fromEntries(expected));
    expect(handled).toEqual([{ request, rest: ['socket', 'head'] }]);
  });

  it('gives each request an object of its own', () => {
    const url = '/socket.io/?EIO=4&transport=websocket';
    expect(handle(url)._query).not.toBe(handle(url)._query);
  });

  it.each([
    '/socket.io/?EIO=4&transport=websocket&token=secret',
    '/socket.io/?EIO=4&transport=websocket&sid=abc',
    '/socket.io/?transport=websocket&EIO=4',
    '/socket.io/?EIO=5&transport=websocket',
    '/socket.io/?EIO=4&transport=websocket#?EIO=4&transport=websocket',
    '/socket.io/?a=b?EIO=4&transport=websocket',
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
