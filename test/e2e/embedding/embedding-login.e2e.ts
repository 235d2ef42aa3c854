import { UnauthorizedException } from '@nestjs/common';
import { EventEmitter, once } from 'node:events';
import { networkInterfaces } from 'node:os';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import {
  SwitchboardError,
  type AppIdentity,
  type AuthorizationRequest,
  type ClientHandshake,
} from 'switchboard-gateway';
import { createClient, type ClientVersion } from 'switchboard-gateway/testing';
import { CollectingLogger } from '../../support/collecting-logger.js';
import { closeEmbeddings, createEmbedding, startEmbedding } from '../../support/embedding.js';
import { refusalOf } from '../../support/tokens.js';

const SECRET = 'hunter2';
const gate = new EventEmitter();

/** The app's sessions: a cookie, or what the client says in `auth`. */
const LOGINS: Readonly<Record<string, () => unknown>> = {
  ann: () => ({ user: 'ann', info: { name: 'Ann' } }),
  later: () => Promise.resolve({ user: 'later' }),
  capable: () => ({ user: 'cap', caps: [{ room: 'chat:{user}', allow: ['join'] }] }),
  unknown: () => null,
  'own words': () => Promise.reject(new UnauthorizedException('log in again')),
  coded: () => {
    throw new SwitchboardError('limit.sockets', { retryAfterMs: 7 });
  },
  broken: () => Promise.reject(new Error(SECRET)),
  'no user': () => ({ user: 7 }),
  'no time': () => ({ user: 'ann', expiresAt: 'soon' }),
  never: () => new Promise(() => {}),
  over: () => ({ user: 'ann', expiresAt: new Date(0) }),
};

const authenticate = ({
  auth,
  headers,
}: ClientHandshake): AppIdentity | null | Promise<AppIdentity | null> => {
  const ticket = /session=([\w ]+)/.exec(headers.cookie ?? '')?.[1] ?? String(auth['ticket']);
  return LOGINS[ticket]!() as AppIdentity | null;
};

const asked: AuthorizationRequest[] = [];

const authorize = async (request: AuthorizationRequest): Promise<boolean> => {
  asked.push(request);
  const { user, room, action } = request;
  if (room === 'broken') throw new Error(SECRET);
  if (room === 'truthy') return 1 as unknown as boolean;
  if (room === 'slow') await once(gate, 'open');
  return room === `of:${user}` || (room === 'hall' && action === 'join') || room === 'slow';
};

describe('an app with a login of its own', () => {
  afterEach(closeEmbeddings);
  beforeEach(() => {
    asked.length = 0;
  });

  it.each([2, 3, 4] as const)(
    '[N7] says who a client is, whatever it calls itself (%i.x)',
    async (version: ClientVersion) => {
      const gateway = await startEmbedding({ options: { authenticate } });
      const client = await gateway.connect({ version, auth: { ticket: 'ann', user: 'admin' } });
      expect(await client.request('socket:info')).toMatchObject({ ok: true, user: 'ann' });
      expect((await gateway.registry.getUser('ann')).sockets).toMatchObject([{ info: { name: 'Ann' } }]);
      expect((await gateway.registry.getUser('admin')).online).toBe(false);
    },
  );

  it('[N7] knows clients by the cookie of their session, and is waited for', async () => {
    const gateway = await startEmbedding({ options: { authenticate } });
    const client = await gateway.connect({ client: { extraHeaders: { cookie: 'session=later' } } });
    expect(await client.request('socket:info')).toMatchObject({ user: 'later' });
  });

  it.each([
    ['unknown', { code: 'access.denied' }],
    ['own words', { code: 'access.denied', message: 'log in again' }],
    ['coded', { code: 'limit.sockets', retryAfterMs: 7 }],
    ['over', { code: 'auth.token_expired' }],
    ['broken', { code: 'internal' }],
    ['no user', { code: 'internal' }],
    ['no time', { code: 'internal' }],
    ['never', { code: 'internal' }],
  ])('[N7] [L2] refuses a client whose login is %j', async (ticket, refusal) => {
    const logger = new CollectingLogger();
    const gateway = await startEmbedding({ logger, options: { authenticate, handlerTimeoutMs: 200 } });
    const refused = await refusalOf(gateway.open({ auth: { ticket } }));
    expect(refused).toMatchObject(refusal);
    expect(JSON.stringify(refused)).not.toContain(SECRET);
    const failures = logger.lines.filter(({ level }) => level === 'error');
    expect(failures).toHaveLength(refusal.code === 'internal' ? 1 : 0);
  });

  it('[N7] [A2] gives rights with the identity, and none otherwise', async () => {
    const gateway = await startEmbedding({ options: { authenticate } });
    const capable = await gateway.connect({ auth: { ticket: 'capable' } });
    expect(await capable.request('room:join', { room: 'chat:cap' })).toMatchObject({ ok: true });
    expect(await capable.request('room:join', { room: 'chat:ann' })).toMatchObject({
      error: { code: 'access.denied' },
    });
    const ann = await gateway.connect({ auth: { ticket: 'ann' } });
    expect(await ann.request('room:join', { room: 'lobby' })).toMatchObject({
      error: { code: 'access.denied' },
    });
  });

  describe('and rights of its own', () => {
    const options = { authenticate, authorize, handlerTimeoutMs: 300 };

    it('[N7] decides what a user may do in a room', async () => {
      const gateway = await startEmbedding({ options });
      const ann = await gateway.connect({ auth: { ticket: 'ann' } });
      expect(await ann.request('room:join', { room: 'of:ann', presence: true })).toMatchObject({ ok: true });
      expect(await ann.request('room:emit', { room: 'of:ann', event: 'x', args: [] })).toMatchObject({
        ok: true,
      });
      expect(await ann.request('room:join', { room: 'hall' })).toMatchObject({ ok: true });
      for (const [event, more] of [
        ['room:emit', { event: 'x', args: [] }],
        ['room:members', {}],
        ['room:history', {}],
      ] as const) {
        expect(await ann.request(event, { room: 'hall', ...more })).toMatchObject({
          error: { code: 'access.denied' },
        });
      }
      const denied = await ann.request('room:join', { room: 'hall', presence: true });
      expect(denied).toMatchObject({ error: { code: 'access.denied' } });
      expect(asked.slice(0, 3)).toEqual([
        { user: 'ann', room: 'of:ann', action: 'join' },
        { user: 'ann', room: 'of:ann', action: 'presence' },
        { user: 'ann', room: 'of:ann', action: 'emit' },
      ]);
    });

    it.each(['elsewhere', 'truthy'])('[N7] allows nothing but by true (%s)', async (room) => {
      const gateway = await startEmbedding({ options });
      const ann = await gateway.connect({ auth: { ticket: 'ann' } });
      expect(await ann.request('room:join', { room })).toMatchObject({ error: { code: 'access.denied' } });
    });

    it('[N7] [L4] answers internal when it fails or does not answer, and a late answer changes nothing', async () => {
      const logger = new CollectingLogger();
      const gateway = await startEmbedding({ logger, options });
      const ann = await gateway.connect({ auth: { ticket: 'ann' } });
      const failed = await ann.request('room:join', { room: 'broken' });
      expect(failed).toMatchObject({ error: { code: 'internal' } });
      expect(JSON.stringify(failed)).not.toContain(SECRET);
      expect(await ann.request('room:join', { room: 'slow' })).toMatchObject({ error: { code: 'internal' } });
      gate.emit('open');
      expect(await ann.request('socket:info')).toMatchObject({ rooms: [] });
    });
  });

  const otherAddress = Object.values(networkInterfaces())
    .flat()
    .find((address) => address?.family === 'IPv4' && !address.internal)?.address;

  (otherAddress ? it : it.skip)(
    '[N7] [C4] serves clients of other machines, without a JWT key too',
    async () => {
      const app = await createEmbedding({ options: { authenticate } });
      await app.listen(0, '0.0.0.0');
      const { port } = (app.getHttpServer() as Server).address() as AddressInfo;
      const client = createClient(`http://${otherAddress}:${port}`, { auth: { ticket: 'ann' } });
      await client.next('connect');
      client.close();
      client.dispose();
      await app.close();
    },
  );
});
