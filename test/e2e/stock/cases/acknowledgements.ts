import { each, type StockCase } from '../case.js';
import type { Scene } from '../worlds.js';

async function three(t: Scene): Promise<void> {
  await Promise.all([t.join('ann'), t.join('bob', 1), t.join('cid', 2)]);
  for (const name of ['ann', 'bob', 'cid']) {
    t.client(name).on('ask', (...args: unknown[]) => {
      const acknowledge = args.at(-1);
      if (typeof acknowledge === 'function') acknowledge(`${name} says`, 'more');
    });
    t.client(name).on('half', (...args: unknown[]) => {
      const acknowledge = args.at(-1);
      if (name !== 'bob' && typeof acknowledge === 'function') acknowledge(name);
    });
    t.client(name).on('bytes', (...args: unknown[]) => {
      (args.at(-1) as (answer: unknown) => void)({ back: Buffer.from([name.length]), of: args[0] });
    });
  }
  await t.socket('ann').join('a');
  await t.socket('cid').join('a');
  await t.world.known();
}

const sorted = (answers: unknown): unknown => (Array.isArray(answers) ? answers.toSorted() : answers);

const outcome = async (t: Scene, promise: Promise<unknown>): Promise<void> => {
  try {
    t.log('answers', sorted(await promise));
  } catch (failure) {
    t.log(failure, sorted((failure as { responses?: unknown }).responses));
  }
};

const ASKS: readonly {
  readonly text: string;
  ask(t: Scene): Promise<unknown>;
  readonly needsNodes?: boolean;
}[] = [
  { text: 'io.timeout().emitWithAck', ask: (t) => t.io.timeout(3000).emitWithAck('ask', 1) },
  { text: 'io.to(room).timeout().emitWithAck', ask: (t) => t.io.to('a').timeout(3000).emitWithAck('ask') },
  {
    text: 'io.timeout().to(room) from the last node',
    ask: (t) => t.last.timeout(3000).to('a').emitWithAck('ask'),
  },
  {
    text: 'io.to(id of another node).timeout().emitWithAck',
    ask: (t) => t.io.to(t.client('cid').id!).timeout(3000).emitWithAck('ask'),
  },
  {
    text: 'io.except(room).timeout().emitWithAck',
    ask: (t) => t.io.except('a').timeout(3000).emitWithAck('ask'),
  },
  {
    text: 'io.to(nowhere).timeout().emitWithAck',
    ask: (t) => t.io.to('nowhere').timeout(3000).emitWithAck('ask'),
  },
  {
    text: 'io.to(unknown ID).timeout().emitWithAck',
    ask: (t) => t.io.to('x'.repeat(20)).timeout(3000).emitWithAck('ask'),
  },
  {
    text: 'io.timeout().emitWithAck with one that does not answer',
    ask: (t) => t.io.timeout(3_000).emitWithAck('half'),
  },
  {
    text: 'io.timeout().emitWithAck with binary',
    ask: (t) => t.io.timeout(3000).emitWithAck('bytes', Buffer.from('x')),
  },
  {
    text: 'socket.broadcast.timeout().emitWithAck',
    ask: (t) => t.socket('bob').broadcast.timeout(3000).emitWithAck('ask'),
  },
  {
    text: 'socket.to(room).timeout().emitWithAck',
    ask: (t) => t.socket('ann').to('a').timeout(3000).emitWithAck('ask'),
  },
  { text: 'socket.timeout().emitWithAck', ask: (t) => t.socket('bob').timeout(3000).emitWithAck('ask') },
  {
    text: 'socket.timeout().emitWithAck that nobody answers',
    ask: (t) => t.socket('bob').timeout(100).emitWithAck('half'),
  },
  { text: 'socket.emitWithAck', ask: (t) => t.socket('cid').emitWithAck('ask', 1, 2) },
  {
    text: 'remoteSocket.timeout().emitWithAck',
    async ask(t) {
      const remote = (await t.io.fetchSockets()).find(({ id }) => id === t.client('cid').id)!;
      return remote.timeout(3000).emitWithAck('ask');
    },
  },
  {
    text: 'remoteSocket.timeout().emitWithAck that nobody answers',
    async ask(t) {
      const remote = (await t.last.fetchSockets()).find(({ id }) => id === t.client('bob').id)!;
      return remote.timeout(300).emitWithAck('half');
    },
  },
  {
    text: 'serverSideEmitWithAck',
    needsNodes: true,
    ask(t) {
      for (const [index, node] of t.nodes.entries()) {
        node.on('who', (...args: unknown[]) =>
          (args.at(-1) as (answer: unknown) => void)(`node ${index} ${String(args[0])}`),
        );
      }
      return t.io.serverSideEmitWithAck('who', 'x');
    },
  },
];

export const acknowledgements: StockCase[] = [
  ...each(ASKS, ({ text, ask, needsNodes = false }): StockCase => ({
    title: text,
    needsNodes,
    async run(t) {
      await three(t);
      await outcome(t, ask(t));
      await t.settled();
    },
  })),
  {
    title: 'io.local.timeout().emitWithAck where there are other nodes',
    needsNodes: true,
    differs: 'S5',
    async run(t) {
      await three(t);
      await outcome(t, t.io.local.timeout(3_000).emitWithAck('ask'));
    },
  },
  {
    title: 'emit with a callback behind timeout()',
    async run(t) {
      await three(t);
      await new Promise<void>((resolve) => {
        t.io.timeout(3000).emit('ask', (failure: unknown, answers: unknown) => {
          t.log(failure, sorted(answers));
          resolve();
        });
      });
    },
  },
  {
    title: 'emit with a callback without timeout()',
    async run(t) {
      await three(t);
      await new Promise<void>((resolve) => {
        t.io.emit('half', (failure: unknown) => {
          t.log(failure);
          resolve();
        });
      });
      await t.settled();
    },
  },
  {
    title: 'emitWithAck to a client that ends meanwhile',
    async run(t) {
      await three(t);
      t.client('bob').on('half', () => t.client('bob').disconnect());
      const asked = t.io.timeout(700).emitWithAck('half');
      await outcome(t, asked);
    },
  },
  {
    title: 'a client asks and is answered once',
    oneNodeOnly: true,
    async run(t) {
      await t.join('ann');
      t.socket('ann').on('q', (value: unknown, acknowledge: (...args: unknown[]) => void) => {
        acknowledge(value, Buffer.from('b'), null);
        acknowledge('twice');
      });
      t.log(
        await new Promise((resolve) =>
          t.client('ann').emit('q', { a: 1 }, (...args: unknown[]) => resolve(args)),
        ),
      );
      t.log(await t.client('ann').timeout(3000).emitWithAck('q', 7));
    },
  },
  {
    title: 'serverSideEmit reaches the other nodes, arguments of every kind',
    needsNodes: true,
    async run(t) {
      let heard = 0;
      for (const [index, node] of t.nodes.entries()) {
        node.on('cache', (...args: unknown[]) => {
          heard++;
          t.log(`server${index} <`, ...args);
        });
      }
      t.io.serverSideEmit('cache', 1, { a: [null] }, 'x');
      await t.when(() => heard === 2);
      t.last.serverSideEmit('cache', Buffer.from('b'));
      await t.when(() => heard === 4);
    },
  },
  {
    title: 'serverSideEmit with a callback',
    needsNodes: true,
    async run(t) {
      for (const [index, node] of t.nodes.entries()) {
        node.on('count', (acknowledge: (answer: unknown) => void) => {
          acknowledge(index);
          acknowledge('twice');
        });
      }
      await new Promise<void>((resolve) => {
        t.io.serverSideEmit('count', (failure: unknown, answers: unknown) => {
          t.log(failure, sorted(answers));
          resolve();
        });
      });
    },
  },
  ...each(['connect', 'connection', 'new_namespace'], (event): StockCase => ({
    title: `serverSideEmit of the reserved name ${event}`,
    oneNodeOnly: true,
    run(t) {
      try {
        t.io.serverSideEmit(event);
        t.log('not refused');
      } catch (failure) {
        t.log(failure);
      }
    },
  })),
  {
    title: 'the number of servers',
    async run(t) {
      t.log(await t.io.adapter.serverCount());
    },
  },
];
