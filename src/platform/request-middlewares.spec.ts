import type { IncomingMessage } from 'node:http';
import { Server } from 'engine.io';
import { runMiddlewaresAtOnce, skipCorsWithoutOrigin } from './request-middlewares.js';

type Next = (failure?: unknown) => void;
type Applies = { _applyMiddlewares(request: unknown, response: unknown, done: Next): void };

describe('runMiddlewaresAtOnce', () => {
  const request = {} as IncomingMessage;
  const told: string[] = [];
  const engineWith = (...middlewares: ((next: Next) => unknown)[]): Applies => {
    const engine = new Server();
    runMiddlewaresAtOnce(engine);
    for (const middleware of middlewares) {
      engine.use((_request: unknown, _response: unknown, next: Next) => middleware(next));
    }
    return engine as unknown as Applies;
  };
  const apply = (engine: Applies): void =>
    engine._applyMiddlewares(request, undefined, (failure) =>
      told.push(failure === undefined ? 'done' : String(failure)),
    );
  const saying =
    (word: string) =>
    (next: Next): void => {
      told.push(word);
      next();
    };
  beforeEach(() => told.splice(0));

  it('calls one after the other in the same turn, and is done', () => {
    apply(engineWith(saying('a'), saying('b')));
    expect(told).toEqual(['a', 'b', 'done']);
  });

  it('is done at once where there are none', () => {
    apply(engineWith());
    expect(told).toEqual(['done']);
  });

  it('waits for one that takes its time', () => {
    let goOn: Next = () => {};
    apply(engineWith((next) => (goOn = next), saying('b')));
    expect(told).toEqual([]);
    goOn();
    goOn();
    expect(told).toEqual(['b', 'done']);
  });

  it.each<[string, (next: Next) => unknown]>([
    ['says so', (next) => next('failed')],
    [
      'throws',
      () => {
        throw 'failed';
      },
    ],
    ['rejects', () => Promise.reject('failed')],
  ])('stops at one that fails, when it %s', async (_, middleware) => {
    apply(engineWith(middleware, saying('b')));
    await Promise.resolve();
    expect(told).toEqual(['failed']);
  });

  it('does not take a failure of what comes after for one of a middleware', () => {
    const failing = (): void => {
      throw new Error('after');
    };
    expect(() => engineWith(saying('a'))._applyMiddlewares(request, undefined, failing)).toThrow('after');
    expect(told).toEqual(['a']);
  });
});

describe('skipCorsWithoutOrigin', () => {
  const headersFor = (origin: string | undefined, skips: boolean): Record<string, unknown> => {
    const set: Record<string, unknown> = {};
    const asked: unknown[] = [];
    const engine = new Server({
      cors: (request, decide) => {
        asked.push(request.headers.origin);
        decide(null, { origin: request.headers.origin !== undefined, credentials: true });
      },
    });
    if (skips) skipCorsWithoutOrigin(engine);
    runMiddlewaresAtOnce(engine);
    const request = { method: 'GET', headers: { origin } };
    const response = {
      getHeader: (name: string) => set[name],
      setHeader: (name: string, value: unknown) => (set[name] = value),
    };
    let done = 0;
    (engine as unknown as Applies)._applyMiddlewares(request, response, () => done++);
    return { set, asked, done };
  };

  it('answers a page as ever', () => {
    const answered = headersFor('http://page', true);
    expect(answered).toEqual(headersFor('http://page', false));
    expect(answered['set']).toHaveProperty('Access-Control-Allow-Origin', 'http://page');
  });

  it('does not ask about what no page has sent, which gets the same answer', () => {
    const { asked, ...answered } = headersFor(undefined, true);
    const { asked: _, ...asEver } = headersFor(undefined, false);
    expect(answered).toEqual(asEver);
    expect(asked).toEqual([]);
  });

  it('leaves alone what is not what Engine.IO makes of the option', () => {
    const engine = new Server();
    const told: string[] = [];
    engine.use((_request: unknown, _response: unknown, next: Next) => {
      told.push('own');
      next();
    });
    skipCorsWithoutOrigin(engine);
    runMiddlewaresAtOnce(engine);
    (engine as unknown as Applies)._applyMiddlewares({ headers: {} }, {}, () => told.push('done'));
    expect(told).toEqual(['own', 'done']);
  });
});
