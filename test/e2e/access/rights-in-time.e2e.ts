/**
 * A right is checked in the turn in which it is used. [A7]
 *
 * Each row holds a request in one of its waits, takes the right away meanwhile, lets the request go on, and looks at
 * what the client got.
 */
import { startGateway, type TestClient, type TestGateway } from 'switchboard-gateway/testing';
import { createApiKey } from '../../../src/access/api-keys.js';
import { Namespaces } from '../../../src/sockets/namespaces.js';
import { unsentBytes } from '../../../src/platform/engine-connection.js';
import { findSocketState, type GatewaySocket } from '../../../src/sockets/socket-state.js';
import { KeyServer } from '../../support/key-server.js';
import { arrivedAt } from '../../support/arrivals.js';
import { breakOff, comeBack } from '../../support/recovering.js';
import { isInRoom } from '../../../src/sockets/membership.adapter.js';
import { readAgain, stopReading } from '../../support/not-reading.js';
import { everythingIn, inSeconds, refusalOf, SECRET, sign } from '../../support/tokens.js';
import { until } from '../../support/until.js';

const ROOM = 'secret';
const ALL = ['join', 'presence', 'history'];
/** More than the systems of both ends take without anybody reading. */
const MAX_BUFFERED_BYTES = 200_000;
const LARGE = { publications: 110, bytes: 70_000 };

const { key, entry } = createApiKey('backend', ['manage', 'emit']);
let gateway: TestGateway;

beforeAll(async () => {
  gateway = await startGateway({
    jwtSecret: SECRET,
    apiKeys: entry,
    maxBufferedBytes: MAX_BUFFERED_BYTES,
    history: [
      { pattern: 'large', size: 1_000, ttlMs: 600_000 },
      { pattern: ROOM, size: 100, ttlMs: 600_000 },
    ],
  });
  for (let sent = 0; sent < LARGE.publications; sent++) {
    await gateway.broadcaster.toRooms('large').emit('filler', 'x'.repeat(LARGE.bytes));
  }
  await gateway.broadcaster.toRooms(ROOM).emit('whisper', 'for members');
}, 60_000);
afterAll(async () => {
  await gateway?.close();
});

const manage = async (method: string, path: string, body?: unknown, at = gateway): Promise<void> => {
  const { status } = await at.http(method, path, body, { authorization: `Bearer ${key}` });
  expect(status).toBe(204);
};

const unsent = (client: TestClient): number => unsentBytes(socketOf(client).conn);

const socketOf = (client: TestClient): GatewaySocket =>
  gateway.app.get(Namespaces).findSocket(client.id!) as GatewaySocket;

/** What takes the right away. `jti` is that of the room token. */
const ENDINGS: readonly [
  ending: string,
  expSeconds: number | undefined,
  end: (jti: string) => Promise<void>,
][] = [
  ['is revoked', undefined, (jti) => manage('POST', '/v1/tokens/revoke', { jti })],
  ['ends', 2, async () => undefined],
];

const granted = (client: TestClient): boolean =>
  (findSocketState(socketOf(client))?.roomGrants?.get(ROOM)?.length ?? 0) > 0;

/** What waits until its client has read what it asked for before. */
const HELD_BY_READING: readonly [request: string, payload: object][] = [
  ['room:join', { since: { epoch: 'none', offset: 0 } }],
  ['room:join', { since: { epoch: 'none', offset: 0 }, presence: true }],
  ['room:history', {}],
  ['room:history', { since: { epoch: 'none', offset: 0 }, limit: 5 }],
];

describe('a request that is held up by a client that does not read', () => {
  const rows = HELD_BY_READING.flatMap(([request, payload]) =>
    ENDINGS.map(([ending, expSeconds, end]) => ({ request, payload, ending, expSeconds, end })),
  );

  it.each(rows)(
    '[A7] $request $payload is refused when its room token $ending meanwhile',
    async ({ request, payload, expSeconds, end }) => {
      const jti = `held-${Math.random()}`;
      const client = await gateway.connect({
        auth: { token: await sign({ sub: 'ada', caps: [everythingIn('large')] }) },
      });
      const exp = expSeconds === undefined ? {} : { exp: inSeconds(expSeconds) };
      const token = await sign({ sub: 'ada', room: ROOM, allow: ALL, jti, ...exp });
      expect(await client.request('room:join', { room: ROOM, token })).toMatchObject({ ok: true });
      await client.request('room:leave', { room: ROOM });
      const joined: string[] = [];
      const listening = gateway.registry.changes.subscribe((change) => {
        if (change.type === 'room.joined') joined.push(change.room);
      });
      stopReading(client);
      const filler = client.request('room:history', { room: 'large', limit: 1_000 });
      const answer = client.request(request, { room: ROOM, ...payload });
      await until('the gateway waits for its reader', () => unsent(client) > MAX_BUFFERED_BYTES);
      await end(jti);
      await until('the right is gone', () => !granted(client));
      readAgain(client);
      expect(await filler).toMatchObject({ ok: true });
      expect(await answer).toMatchObject({ ok: false, error: { code: 'access.denied' } });
      expect(await client.request('socket:info')).toMatchObject({ rooms: [] });
      // Nor was it in there for a moment.
      expect(joined).toEqual([]);
      listening.unsubscribe();
      client.close();
    },
  );
});

describe('what a client missed and has not read yet', () => {
  it.each(ENDINGS)(
    '[A7] is given no further when its room token %s meanwhile',
    async (_, expSeconds, end) => {
      const jti = `missed-${Math.random()}`;
      const client = await gateway.connect({ auth: { token: await sign({ sub: 'eve' }), recovery: true } });
      const exp = expSeconds === undefined ? {} : { exp: inSeconds(4) };
      const token = await sign({ sub: 'eve', room: 'missed', allow: ALL, jti, ...exp });
      expect(await client.request('room:join', { room: 'missed', token })).toMatchObject({ ok: true });
      await gateway.broadcaster.toRooms('missed').emit('first');
      await client.next('first');
      await breakOff(gateway, client);
      for (let sent = 0; sent < LARGE.publications; sent++) {
        await gateway.broadcaster.toRooms('missed').emit('missed', 'x'.repeat(LARGE.bytes));
      }
      expect(await comeBack(client)).toBe(true);
      stopReading(client);
      await until('the gateway waits for its reader', () => unsent(client) > 0);
      await end(jti);
      await until('the right is gone', () => !isInRoom(socketOf(client), 'missed'));
      readAgain(client);
      await gateway.broadcaster.toUsers('eve').emit('fence');
      await client.next('fence');
      expect(arrivedAt(client, 'missed').length).toBeLessThan(LARGE.publications);
      client.close();
    },
  );
});

describe('a token that is being checked', () => {
  let keys: KeyServer;
  let slow: TestGateway;

  beforeEach(async () => {
    keys = new KeyServer();
    await keys.start();
    slow = await startGateway({ jwksUrl: keys.url, jwtSecret: SECRET, apiKeys: entry });
  });
  afterEach(async () => {
    await slow.close();
    await keys.stop();
  });

  const rows: readonly [request: string, payload: object, claims: object][] = [
    ['room:join', { room: ROOM }, { room: ROOM, allow: ALL }],
    ['auth:refresh', {}, { caps: [everythingIn(ROOM)] }],
  ];

  it.each(rows)('[A7] is refused in %s when it was revoked meanwhile', async (request, payload, claims) => {
    const client = await slow.connect({ auth: { token: await sign({ sub: 'bob' }) } });
    const signing = await keys.newKey();
    const lift = keys.holdAnswers();
    const token = await sign({ sub: 'bob', jti: 'checked', ...claims }, signing);
    const answer = client.request(request, { ...payload, token });
    await keys.isAsked();
    await manage('POST', '/v1/tokens/revoke', { jti: 'checked' }, slow);
    lift();
    expect(await answer).toMatchObject({ ok: false, error: { code: 'auth.revoked' } });
    expect(await client.request('socket:info')).toMatchObject({ rooms: [] });
  });

  it('[A7] lets nobody in who was blocked while it connected', async () => {
    const signing = await keys.newKey();
    const lift = keys.holdAnswers();
    const client = slow.open({ auth: { token: await sign({ sub: 'carl' }, signing) } });
    await keys.isAsked();
    await manage('PUT', '/v1/users/carl/block', undefined, slow);
    lift();
    expect(await refusalOf(client)).toMatchObject({ code: 'auth.revoked' });
  });
});
