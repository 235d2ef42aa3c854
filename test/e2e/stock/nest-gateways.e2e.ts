import { readFileSync } from 'node:fs';
import { GATEWAYS, RETURNS, THROWS } from './nest-gateways.js';
import { diary, Observer, onOurs, onStock, type NestWorld } from './nest-worlds.js';

interface Case {
  readonly title: string;
  readonly namespace?: string;
  /** The row of "Differences from stock Socket.IO and Nest" in docs/protocol.md that says why ours is another. */
  readonly differs?: string | undefined;
  run(observer: Observer): Promise<void> | void;
}

/** The rows of the table of accepted differences. */
const accepted = new Set(
  [...readFileSync('docs/protocol.md', 'utf8').matchAll(/^\| (S\d+) +\|/gm)].map(([, id]) => id),
);

const ask = (event: string, ...args: unknown[]): Pick<Case, 'title' | 'run'> => ({
  title: `asks ${event}${args.map((arg) => ` ${JSON.stringify(arg)}`).join('')}`,
  run: (observer) => observer.ask(event, ...args),
});

const tell = (event: string, ...args: unknown[]): Pick<Case, 'title' | 'run'> => ({
  title: `tells ${event}${args.map((arg) => ` ${JSON.stringify(arg)}`).join('')}`,
  run: (observer) => observer.tell(event, ...args),
});

const NOTHING = /nothing|^null$|of null$|nulls$/;
const EVENT = /^event|promise of an event|stream of events$/;

/** Where a request is answered here and not on stock. */
const answeredHere = (what: string): string | undefined => {
  if (what.includes('fails')) return what.includes('event') ? 'S22' : 'S23';
  if (NOTHING.test(what)) return 'S20';
  return EVENT.test(what) ? 'S21' : undefined;
};

const CASES: readonly Case[] = [
  ...Object.keys(RETURNS).flatMap((what): Case[] => [
    { ...ask('return', what), differs: answeredHere(what) },
    { ...tell('return', what), differs: what.includes('fails') ? 'S23' : undefined },
  ]),
  ...['throw', 'reject'].flatMap((event) =>
    Object.keys(THROWS).flatMap((what): Case[] => [
      { ...ask(event, what), differs: 'S22' },
      { ...tell(event, what), differs: 'S23' },
    ]),
  ),
  ...[[], [1], [null], [1, 2], [[1, 2]], [{ a: 1 }], ['x', { y: [] }, null]].flatMap((args): Case[] => [
    ask('payload', ...args),
    tell('payload', ...args),
    ask('bare', ...args),
  ]),
  ask('parts', { a: 1, b: '2', c: 3 }),
  ask('parts', { b: 2 }),
  { ...ask('parts', { b: 'no number' }), differs: 'S22' },
  ask('ack', 'value'),
  tell('ack', 'value'),
  ask('ack and event'),
  tell('ack and event'),
  ask('one of two'),
  { ...ask('two of two'), differs: 'S24' },
  ask('guarded', 'in'),
  { ...ask('guarded', 'denied'), differs: 'S22' },
  { ...tell('guarded', 'denied'), differs: 'S23' },
  { ...ask('guarded with words'), differs: 'S22' },
  { ...tell('guarded with words'), differs: 'S23' },
  ask('piped', 4),
  ask('piped', 'four'),
  ask('piped parameter', 4),
  ask('wrapped', 'object'),
  ask('wrapped', 'nothing'),
  ask('wrapped', 'promise of text'),
  ask('wrapped', 'stream of many'),
  ask('wrapped', 'event'),
  ask('short'),
  { ...ask('filtered', 'ws text'), differs: 'S22' },
  tell('filtered', 'ws text'),
  tell('filtered', 'ws object'),
  { ...tell('filtered', 'error'), differs: 'S23' },
  ask('answered by a filter', 'error'),
  tell('answered by a filter', 'ws text'),
  ask('dressed', 3),
  ask('dressed', 'x'),
  tell('dressed', 'denied'),
  tell('dressed', 'thrown'),
  ask('per request'),
  {
    title: 'asks a class that is made per request twice',
    run: (observer) => {
      observer.ask('per request');
      observer.ask('per request');
    },
  },
  ask('say', 'hello'),
  ask('ask back'),
  {
    title: 'is sent away by a handler',
    run: async (observer) => {
      observer.tell('leave me');
      await observer.client.next('disconnect');
    },
  },
  { ...ask('nobody takes this', 1), differs: 'S24' },
  { ...tell('nobody takes this', 1), differs: 'S24' },
  { ...ask('return'), namespace: '/chat', title: 'asks on a namespace' },
  { ...ask('return'), namespace: '/game-7', title: 'asks on a namespace made for a pattern' },
  { ...ask('piped', 1), namespace: '/chat', title: 'asks what only another namespace has', differs: 'S24' },
];

describe('gateways of Nest on its own adapter and on the one of the gateway', () => {
  let stock: NestWorld;
  let ours: NestWorld;
  const startedWith: string[][] = [];

  beforeAll(async () => {
    for (const start of [onStock, onOurs]) {
      diary.length = 0;
      const world = await start({ providers: GATEWAYS });
      if (start === onStock) stock = world;
      else ours = world;
      startedWith.push([...diary]);
    }
  });
  afterAll(() => Promise.all([stock, ours].map((world) => world.close())));

  async function linesOf(world: NestWorld, { namespace = '/', run }: Case): Promise<string[]> {
    diary.length = 0;
    const observer = await Observer.connect((options) => world.open(options), { namespace });
    await run(observer);
    if (observer.client.socket.connected) await observer.settled();
    observer.client.close();
    await untilSaidGoodbye(namespace);
    return [...observer.lines, ...diary];
  }

  it('[T1] their hooks run at the start alike', () => {
    expect(startedWith[0]).toEqual(startedWith[1]);
  });

  it.each(CASES.map((each) => [each.title, each] as const))('[T1] a client that %s', async (_, each) => {
    const expected = await linesOf(stock, each);
    const found = await linesOf(ours, each);
    if (each.differs === undefined) expect(found).toEqual(expected);
    else {
      expect(accepted).toContain(each.differs);
      expect(found).not.toEqual(expected);
    }
  });
});

/** Of the default namespace the disconnect hook is waited for, which is the last that is written. */
async function untilSaidGoodbye(namespace: string): Promise<void> {
  if (namespace !== '/') return;
  while (!diary.some((line) => line.startsWith('handleDisconnect'))) {
    await new Promise((resolve) => setImmediate(resolve));
  }
}
