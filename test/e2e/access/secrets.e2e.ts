import type { LoggerService } from '@nestjs/common';
import { createHash } from 'node:crypto';
import { inspect } from 'node:util';
import {
  startGateway,
  type ClientOptions,
  type TestClient,
  type TestGateway,
} from 'switchboard-gateway/testing';
import { createApiKey } from '../../../src/access/api-keys.js';
import { clientsOf } from '../../support/client-matrix.js';
import { RawPolling, RawWebSocket } from '../../support/raw-clients.js';
import { sendRaw, type RawRequest } from '../../support/raw-http.js';
import {
  everythingIn,
  forge,
  inSeconds,
  OTHER_SECRET,
  outcomeOf,
  pemOf,
  rsaKeyPair,
  SECRET,
  sign,
  type Claims,
} from '../../support/tokens.js';

const CLIENTS = clientsOf([2, 3, 4]);

/** Keeps all that is logged at every level, with whatever hangs on it. */
class ThoroughLogger implements LoggerService {
  readonly lines: string[] = [];

  readonly log = (...parts: unknown[]): void => this.keep('log', parts);
  readonly warn = (...parts: unknown[]): void => this.keep('warn', parts);
  readonly error = (...parts: unknown[]): void => this.keep('error', parts);
  readonly fatal = (...parts: unknown[]): void => this.keep('fatal', parts);
  readonly debug = (...parts: unknown[]): void => this.keep('debug', parts);
  readonly verbose = (...parts: unknown[]): void => this.keep('verbose', parts);

  private keep(level: string, parts: unknown[]): void {
    const texts = parts.map((part) =>
      typeof part === 'string' ? part : inspect(part, { depth: 10, showHidden: true, maxStringLength: null }),
    );
    this.lines.push(`${level} ${texts.join(' ')}`);
  }
}

/** Whatever nobody may get to see, by what it is. */
class Secrets {
  private readonly byText = new Map<string, string>();

  add(what: string, text: string): void {
    this.byText.set(text, what);
    this.byText.set(Buffer.from(text).toString('base64'), `${what} in base64`);
    this.byText.set(encodeURIComponent(text), `${what} in a URL`);
    const hash = createHash('sha256').update(text);
    this.byText.set(hash.copy().digest('hex'), `${what} as hash`);
    this.byText.set(hash.digest('base64url'), `${what} as hash in base64`);
  }

  /** A token, and its parts that are its own: all signed alike have the same header. */
  addToken(what: string, token: string): string {
    const [, payload, signature] = token.split('.');
    this.add(what, token);
    this.add(`${what}: payload`, payload!);
    this.add(`${what}: signature`, signature!);
    return token;
  }

  /** What of it stands in a text. */
  in(text: string): string[] {
    const lower = text.toLowerCase();
    return [...this.byText]
      .filter(([secret]) => lower.includes(secret.toLowerCase()))
      .map(([, what]) => what);
  }
}

const secrets = new Secrets();
const token = async (what: string, claims: Claims, signing = {}): Promise<string> =>
  secrets.addToken(what, await sign(claims, signing));

const KEY = createApiKey('backend', ['read', 'emit', 'manage', 'metrics']);
const READ_ONLY_KEY = createApiKey('reader', ['read']);
const UNKNOWN_KEY = createApiKey('stranger', ['read']);
for (const { key, entry } of [KEY, READ_ONLY_KEY, UNKNOWN_KEY]) {
  secrets.add('an API key', key);
  secrets.add('an API key without its prefix', key.slice('sbk_'.length));
  secrets.add('the hash of an API key', entry.split(':')[1]!);
  secrets.add('an API key cut short', key.slice(0, -2));
}
secrets.add('the JWT secret', SECRET);
secrets.add('the previous JWT secret', OTHER_SECRET);

describe('tokens, keys and secrets', () => {
  const rsa = rsaKeyPair();
  const logger = new ThoroughLogger();
  const clients: TestClient[] = [];
  const answers: string[] = [];
  const frames: string[] = [];
  let gateway: TestGateway;

  const open = (options: ClientOptions): TestClient => {
    const client = gateway.open(options);
    clients.push(client);
    return client;
  };
  const ask = async (request: RawRequest, key = KEY.key): Promise<number> => {
    const headers = {
      authorization: `Bearer ${key}`,
      'content-type': 'application/json',
      ...request.headers,
    };
    const { status, headers: answered, text } = await sendRaw(gateway.url, { ...request, headers });
    answers.push(`${status} ${JSON.stringify(answered)} ${text}`);
    return status;
  };

  /** Connects with good and bad tokens in every place a token can stand. */
  const useTokens = async (): Promise<void> => {
    const good = await token('a good token', { sub: 'ada', jti: 'a-jti', caps: [everythingIn('*')] });
    const bad = [
      await token('an expired token', { sub: 'ada', exp: 1 }),
      await token('a forged token', { sub: 'ada' }, { key: 'x'.repeat(40) }),
      await token('a token with wrong claims', { sub: 'ada', info: 'x'.repeat(2_000) }),
      await token('a room token', { sub: 'ada', room: 'meeting', allow: ['join'] }),
      await token('an RS256 token', { sub: 'ada' }, { alg: 'RS256', key: rsaKeyPair().privateKey }),
      secrets.addToken(
        'an unsigned token',
        forge({ alg: 'none' }, { sub: 'mallory' }, 'nothing-signed-this'),
      ),
    ];
    secrets.add('text for a token', 'not-a-token-but-a-password');
    const ways: ((text: string) => ClientOptions)[] = [
      (text) => ({ auth: { token: text } }),
      (text) => ({ client: { extraHeaders: { Authorization: `Bearer ${text}` } } }),
      (text) => ({ client: { query: { token: text } } }),
    ];
    for (const how of CLIENTS) {
      for (const way of ways) {
        for (const text of [good, ...bad, 'not-a-token-but-a-password']) {
          const client = open({ ...how, ...way(text) });
          const outcome = await outcomeOf(client);
          if (text !== good) expect(outcome).toMatch(/^auth\.token_/);
          client.close();
        }
      }
    }
    expect(await outcomeOf(open({ auth: { token: { nested: good } } }))).toBe('auth.token_invalid');
    expect(await outcomeOf(open({ auth: { token: [good] } }))).toBe('auth.token_invalid');
  };

  /** Sends what belongs into a handshake or a request elsewhere, and broken. */
  const breakThings = async (): Promise<void> => {
    const stray = await token('a token in a URL', { sub: 'ada', caps: [] });
    for (const path of [
      `/socket.io/?EIO=4&transport=polling&sid=${stray}`,
      `/socket.io/?EIO=9&transport=polling&token=${stray}`,
      `/socket.io/?EIO=4&transport=carrier-pigeon&token=${stray}`,
      `/v1/stats?token=${stray}`,
      `/v1/nothing-here/${stray}`,
      `/nothing-here?access_token=${stray}`,
    ]) {
      await ask({ path });
      await ask({ path, headers: { origin: 'https://evil.example' } });
      await ask({ path }, UNKNOWN_KEY.key);
    }
    for (const frame of [`40{"token":"${stray}"`, `4${stray}`, `42["room:join","${stray}"`]) {
      const raw = await RawWebSocket.open(gateway.url);
      raw.send(frame);
      await raw.closed;
      frames.push(...raw.frames.map(String));
      const polling = await RawPolling.open(gateway.url, { query: { token: stray } });
      answers.push((await polling.post(frame)).text);
    }
  };

  const useRooms = async (): Promise<void> => {
    const ada = open({
      auth: {
        token: await token('the token of a member', {
          sub: 'ada',
          caps: [everythingIn('*')],
          exp: inSeconds(20),
        }),
      },
    });
    await ada.next('auth:expiring');
    const bob = open({
      version: 2,
      auth: { token: await token('the token of another', { sub: 'bob', caps: [everythingIn('*')] }) },
    });
    await bob.next('connect');
    const roomToken = await token('a good room token', { sub: 'ada', room: 'meeting', allow: ['join'] });
    expect(await ada.request('room:join', { room: 'meeting', token: roomToken })).toMatchObject({ ok: true });
    expect(await bob.request('room:join', { room: 'meeting', token: roomToken })).toMatchObject({
      ok: false,
    });
    expect(await bob.request('room:join', { room: 'meeting' })).toMatchObject({ ok: true });
    await ada.request('room:members', { room: 'meeting' });
    await ada.request('room:emit', { room: 'meeting', event: 'said', args: ['hello'], echo: true });
    await bob.next('said');
    for (const payload of [
      { token: await token('a refresh', { sub: 'ada', caps: [everythingIn('*')] }) },
      { token: await token('a refresh for another', { sub: 'carol' }) },
      { token: await token('a forged refresh', { sub: 'ada' }, { key: 'y'.repeat(40) }) },
      { token: [roomToken] },
      roomToken,
    ]) {
      clients[0]!.queue.push('answer', [await ada.request('auth:refresh', payload)]);
      ada.emit('auth:refresh', payload);
    }
    clients[0]!.queue.push('answer', [await ada.request(`auth:${roomToken}`)]);
    clients[0]!.queue.push('answer', [await ada.request('room:join', { room: roomToken, token: 5 })]);
    await ada.settled();
  };

  const useApi = async (): Promise<void> => {
    for (const path of [
      '/v1/sockets',
      '/v1/users',
      '/v1/users/ada',
      '/v1/rooms',
      '/v1/rooms/meeting/members',
      '/v1/nodes',
      '/v1/stats',
      '/metrics',
      '/health/live',
      '/health/ready',
      '/openapi.json',
      '/docs',
      '/',
    ]) {
      expect(await ask({ path })).toBe(200);
      for (const key of [READ_ONLY_KEY.key, UNKNOWN_KEY.key, KEY.key.slice(0, -2)]) await ask({ path }, key);
    }
    const post = (path: string, body: unknown): RawRequest => ({
      method: 'POST',
      path,
      body: JSON.stringify(body),
    });
    const news = { to: { all: true }, event: 'news', data: 1 };
    expect(await ask(post('/v1/emit', news))).toBe(202);
    expect(await ask(post('/v1/emit', news), READ_ONLY_KEY.key)).toBe(403);
    expect(await ask(post('/v1/batch', { commands: [{ emit: news }] }), READ_ONLY_KEY.key)).toBe(200);
    expect(await ask(post('/v1/emit', { to: KEY.key, event: 'news', args: KEY.key }))).toBe(400);
    expect(await ask({ method: 'POST', path: '/v1/emit', body: `{"to":"${KEY.key}` })).toBe(400);
    expect(await ask(post('/v1/tokens/revoke', { jti: 'a-jti' }))).toBe(204);
    expect(await ask({ method: 'PUT', path: '/v1/users/bob/block' })).toBe(204);
  };

  beforeAll(async () => {
    gateway = await startGateway({
      logLevel: 'verbose',
      logger,
      jwtSecret: SECRET,
      jwtPreviousSecret: OTHER_SECRET,
      jwtPreviousUntil: new Date(Date.now() + 60_000),
      jwtPublicKey: pemOf(rsa.publicKey),
      apiKeys: [KEY, READ_ONLY_KEY].map(({ entry }) => entry).join(','),
      maxSocketsPerUser: 0,
    });
    const bystander = open({ auth: { token: await token('a bystander’s token', { sub: 'eve' }) } });
    await bystander.next('connect');
    await useTokens();
    await breakThings();
    await useRooms();
    const entries = await gateway.registry.getSockets({});
    expect(entries.items.length).toBeGreaterThan(0);
    answers.push(inspect(entries, { depth: 10, showHidden: true }));
    await useApi();
    await bystander.settled();
    await gateway.close();
  }, 60_000);

  it('[A4] do not stand in the log', () => {
    expect(logger.lines.length).toBeGreaterThan(20);
    expect(logger.lines.filter((line) => secrets.in(line).length > 0)).toEqual([]);
  });

  it('[A4] do not stand in an answer over HTTP, nor in an entry of the registry', () => {
    expect(answers.length).toBeGreaterThan(50);
    expect(answers.filter((answer) => secrets.in(answer).length > 0)).toEqual([]);
  });

  it('[A4] [R5] do not stand in what clients are sent', () => {
    const received = clients
      .flatMap(({ queue }) => queue.log)
      .map(({ event, args }) => `${event} ${asSent(args)}`);
    expect(received.length).toBeGreaterThan(100);
    expect(received.filter((text) => secrets.in(text).length > 0)).toEqual([]);
    expect(frames.filter((text) => secrets.in(text).length > 0)).toEqual([]);
  });

  it('are found by this test where they stand', async () => {
    const found = await token('a token to be found', { sub: 'ada' });
    expect(secrets.in(`GET /?token=${found}`)).not.toEqual([]);
    expect(secrets.in(`Authorization: Bearer ${KEY.key}`)).not.toEqual([]);
    expect(secrets.in(KEY.entry.toUpperCase())).not.toEqual([]);
    expect(secrets.in(`jwtSecret: '${SECRET}'`)).not.toEqual([]);
    expect(secrets.in('a good answer')).toEqual([]);
  });
});

/** What came over the wire: a client’s own errors refer to its own request. */
const asSent = (args: readonly unknown[]): string =>
  JSON.stringify(
    args.map((arg) => (arg instanceof Error ? [arg.message, (arg as { data?: unknown }).data] : arg)),
  );
