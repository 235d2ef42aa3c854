/** Each verdict on a publication and a user, made for real: sockets at one node, publishers and questions at another. [X3] */
import type { Server } from 'socket.io';
import type { TestClient, TestGateway } from 'switchboard-gateway/testing';
import type { Verdict } from '../../src/recorder/explain/publication-verdict.js';
import { Namespaces } from '../../src/sockets/namespaces.js';
import { explained } from './explained.js';
import { cutOff, stopReading } from './not-reading.js';
import { breakOff, comeBack } from './recovering.js';
import { until } from './until.js';

/** Where clients are, and where is published and asked; on one node they are the same. */
export interface Places {
  readonly home: TestGateway;
  readonly asked: TestGateway;
}

/** What the nodes of these tests are started with. */
export const VERDICT_OPTIONS = { maxRoomsPerSocket: 3, maxBufferedBytes: 200_000, history: 'kept=500/1h' };

interface Question {
  readonly publication: string;
  readonly user: string;
}

type Case = readonly [verdict: Verdict, how: string, make: (places: Places) => Promise<Question>];

async function emit({ asked }: Places, body: object): Promise<string> {
  const answer = await asked.http('POST', '/v1/emit', { event: 'x', ...body });
  if (![200, 202].includes(answer.status)) throw new Error(JSON.stringify(answer));
  return String(answer.body['id']);
}

const connect = ({ home }: Places, user: string, auth: object = {}): Promise<TestClient> =>
  home.connect({ auth: { user, ...auth } });

const toUser = (user: string) => ({ to: { users: [user] } });

/** With something that it got, so that it has a position to come back with. */
async function recoverable(places: Places, user: string): Promise<TestClient> {
  const client = await connect(places, user, { recovery: true });
  await emit(places, { ...toUser(user), event: 'first' });
  await client.next('first');
  return client;
}

const FILLER = 'z'.repeat(70_000);
/** More than the systems of both ends take without anybody reading. */
const FILLERS = 120;

export const VERDICT_CASES: readonly Case[] = [
  [
    'acknowledged',
    'a client that answered',
    async (places) => {
      const client = await connect(places, 'polite');
      client.socket.on('ask', (...args: unknown[]) => (args.at(-1) as () => void)());
      const publication = await emit(places, {
        ...toUser('polite'),
        event: 'ask',
        ack: { timeoutMs: 60_000 },
      });
      return { publication, user: 'polite' };
    },
  ],
  [
    'written',
    'a member of the room',
    async (places) => {
      const client = await connect(places, 'member');
      await client.request('room:join', { room: 'lobby' });
      const publication = await emit(places, { to: { rooms: ['lobby'] } });
      await client.next('x');
      return { publication, user: 'member' };
    },
  ],
  [
    'replayed',
    'a client that came back with its session',
    async (places) => {
      const client = await recoverable(places, 'returns');
      await breakOff(places.home, client);
      const publication = await emit(places, toUser('returns'));
      await comeBack(client);
      await client.next('x');
      return { publication, user: 'returns' };
    },
  ],
  [
    'waiting',
    'a client that has not taken what it missed before',
    async (places) => {
      const client = await recoverable(places, 'behind');
      await client.request('room:join', { room: 'kept' });
      await breakOff(places.home, client);
      for (let sent = 0; sent < FILLERS; sent++) {
        await emit(places, { to: { rooms: ['kept'] }, event: 'filler', data: FILLER });
      }
      client.socket.on('connect', () => stopReading(client));
      await comeBack(client);
      return { publication: await emit(places, toUser('behind')), user: 'behind' };
    },
  ],
  [
    'offline',
    'a user who was not there',
    async (places) => ({ publication: await emit(places, toUser('away')), user: 'away' }),
  ],
  [
    'offline',
    'a user whose connection was cut, and who came back without a session',
    async (places) => {
      const client = await connect(places, 'reloads');
      cutOff(client);
      await client.next('disconnect');
      await until(
        'it is gone',
        async () => (await places.asked.registry.getUser('reloads')).sockets.length === 0,
      );
      const publication = await emit(places, toUser('reloads'));
      await comeBack(client);
      return { publication, user: 'reloads' };
    },
  ],
  [
    'not_in_room',
    'somebody in another room',
    async (places) => {
      const client = await connect(places, 'outside');
      await client.request('room:join', { room: 'lobbies' });
      return { publication: await emit(places, { to: { rooms: ['lobby'] } }), user: 'outside' };
    },
  ],
  [
    'join_refused',
    'somebody who was not let into the room',
    async (places) => {
      const client = await connect(places, 'refused');
      for (const room of ['a', 'b', 'c', 'full']) await client.request('room:join', { room });
      return { publication: await emit(places, { to: { rooms: ['full'] } }), user: 'refused' };
    },
  ],
  [
    'excluded',
    'somebody whom `except` names',
    async (places) => {
      await connect(places, 'author');
      const publication = await emit(places, { to: { all: true }, except: { users: ['author'] } });
      return { publication, user: 'author' };
    },
  ],
  [
    'volatile_dropped',
    'a client that was not ready',
    async (places) => {
      const client = await connect(places, 'busy');
      stopReading(client);
      const user = 'busy';
      for (;;) {
        const publication = await emit(places, { ...toUser(user), volatile: true, data: FILLER });
        const { verdict } = await explained(
          places.asked,
          { publication, user },
          (each) => each.publication !== null,
        );
        if (verdict === 'volatile_dropped') return { publication, user };
      }
    },
  ],
  [
    'slow_consumer',
    'a client that did not read',
    async (places) => {
      const client = await connect(places, 'slow');
      stopReading(client);
      const user = 'slow';
      const publications: string[] = [];
      const isThere = async () => (await places.asked.registry.getUser(user)).sockets.length > 0;
      while (await isThere()) publications.push(await emit(places, { ...toUser(user), data: FILLER }));
      // The socket may have ended before the last of them.
      for (;;) {
        for (const publication of publications.toReversed()) {
          const { verdict } = await explained(
            places.asked,
            { publication, user },
            (each) => each.publication !== null,
          );
          if (verdict === 'slow_consumer') return { publication, user };
        }
      }
    },
  ],
  [
    'other_namespace',
    'a client on another namespace',
    async (places) => {
      const server = places.home.app.get(Namespaces).all[0]!.nsp.server as Server;
      server.of('/admin');
      await places.home.connect({ auth: { user: 'admin' }, namespace: '/admin' });
      await connect(places, 'witness');
      const abort = new AbortController();
      const trace = await fetch(`${places.asked.url}/v1/trace?user=witness`, { signal: abort.signal });
      const lines = trace.body!.pipeThrough(new TextDecoderStream()).getReader();
      let text = '';
      for (;;) {
        server.of('/').emit('x');
        text += (await lines.read()).value ?? '';
        const publication = /"type":"delivery".*"id":"([^"]+)"/.exec(text)?.[1];
        if (publication === undefined) continue;
        abort.abort();
        return { publication, user: 'admin' };
      }
    },
  ],
  [
    'no_record',
    'a publication that nobody knows',
    () => Promise.resolve({ publication: 'made-up', user: 'member' }),
  ],
];

/** The verdict, once the record has what happened a moment later, such as an acknowledgement. */
export async function verdictOf({ asked }: Places, question: Question, wanted: Verdict): Promise<string> {
  const query = { publication: question.publication, user: question.user };
  const { verdict, because } = await explained(asked, query, (answer) => answer.verdict === wanted);
  if (because!.length === 0) throw new Error('a verdict without facts');
  return verdict!;
}
