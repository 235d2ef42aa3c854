import { IDEMPOTENCY_WINDOW_MS, type IdempotentTurn } from '../idempotency.js';
import {
  type CreateEngine,
  type EngineTraits,
  type EngineUnderTest,
  uniqueName,
} from './engine-under-test.js';

type FirstTurn = Extract<IdempotentTurn, { state: 'first' }>;

function assertFirst(turn: IdempotentTurn): asserts turn is FirstTurn {
  expect(turn.state).toBe('first');
}

/** What every engine does with requests that must not take effect twice. [D7] */
export function describeIdempotency(create: CreateEngine, { lifeMs, skipsTime }: EngineTraits): void {
  let test: EngineUnderTest;
  let key: string;

  beforeEach(async () => {
    test = await create({ history: [], recoveryWindowMs: lifeMs });
    key = uniqueName('key-');
  });

  afterEach(() => test.close());

  const begin = (fingerprint = 'a', of = key) => test.engine.idempotency.begin(of, fingerprint);

  it('[D7] a repetition gets the first response', async () => {
    const turn = await begin();
    assertFirst(turn);
    await turn.settle('{"id":"Grüße"}');
    expect(await begin()).toEqual({ state: 'repeated', response: '{"id":"Grüße"}' });
    expect(await begin()).toEqual({ state: 'repeated', response: '{"id":"Grüße"}' });
    assertFirst(await begin('a', uniqueName('key-')));
  });

  it('[D7] the same key with another request is a conflict, before and after the first has its response', async () => {
    const turn = await begin();
    assertFirst(turn);
    expect(await begin('b')).toEqual({ state: 'conflict' });
    await turn.settle('done');
    expect(await begin('b')).toEqual({ state: 'conflict' });
    expect(await begin('a')).toEqual({ state: 'repeated', response: 'done' });
  });

  it('[D7] repetitions wait while the first is being carried out', async () => {
    const turn = await begin();
    assertFirst(turn);
    const repetitions = [begin(), begin(), begin()];
    await turn.settle('done');
    for (const repetition of repetitions) {
      expect(await repetition).toEqual({ state: 'repeated', response: 'done' });
    }
  });

  it('[D7] when nothing took effect, one of those that wait is the first', async () => {
    const turn = await begin();
    assertFirst(turn);
    const repetitions = [begin(), begin(), begin()];
    await turn.abandon();
    const next = await Promise.race(repetitions);
    assertFirst(next);
    await next.settle('second try');
    const states = (await Promise.all(repetitions)).map(({ state }) => state).sort();
    expect(states).toEqual(['first', 'repeated', 'repeated']);
    expect(await begin()).toEqual({ state: 'repeated', response: 'second try' });
  });

  it('[D7] an abandoned key can be used for another request', async () => {
    const turn = await begin();
    assertFirst(turn);
    await turn.abandon();
    assertFirst(await begin('b'));
  });

  it('[D7] a settled turn stays settled when it is abandoned afterwards', async () => {
    const turn = await begin();
    assertFirst(turn);
    await turn.settle('done');
    await turn.abandon();
    expect(await begin()).toEqual({ state: 'repeated', response: 'done' });
  });

  const itWhereTimeCanBeSkipped = skipsTime ? it : it.skip;
  itWhereTimeCanBeSkipped('[D7] a key is free again after its window, not before', async () => {
    const turn = await begin();
    assertFirst(turn);
    await turn.settle('done');
    await test.advance(IDEMPOTENCY_WINDOW_MS - 1_000);
    expect(await begin()).toEqual({ state: 'repeated', response: 'done' });
    await test.advance(2_000);
    assertFirst(await begin('b'));
  });
}
