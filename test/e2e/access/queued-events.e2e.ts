/**
 * What a client has sent waits while an event before it is handled. A client that is shut out meanwhile has no right to it
 * any longer. [A7]
 */
import { startGateway, type TestClient, type TestGateway } from 'switchboard-gateway/testing';
import { createApiKey } from '../../../src/access/api-keys.js';
import { ok, TestBackend } from '../../support/backend.js';
import { clientsOf } from '../../support/client-matrix.js';
import { inSeconds, SECRET, sign } from '../../support/tokens.js';
import { until } from '../../support/until.js';

const { key, entry } = createApiKey('backend', ['manage']);

let backend: TestBackend;
let gateway: TestGateway;
/** Lets the first event be answered. */
let release: () => void;

beforeEach(async () => {
  const held = new Promise<void>((resolve) => (release = resolve));
  backend = await TestBackend.start(async ({ body }) => {
    if (body['event'] === 'order:first') await held;
    return ok({});
  });
  gateway = await startGateway({
    jwtSecret: SECRET,
    apiKeys: entry,
    handlers: { 'order:*': `${backend.url}/orders` },
    handlerAttemptMs: 60_000,
    handlerTimeoutMs: 60_000,
  });
});
afterEach(async () => {
  release();
  await gateway.close();
  await backend.stop();
});

const handled = (user: string): unknown[] =>
  backend.requests.filter(({ body }) => body['user'] === user).map(({ body }) => body['event']);

/** Sends three events, and waits until the first is being handled. */
async function sendThree(client: TestClient): Promise<void> {
  for (const event of ['order:first', 'order:second', 'order:third']) client.emit(event);
  await until('the first one is being handled', () => handled('ada').length === 1);
}

const isGone = async (): Promise<boolean> => !(await gateway.registry.getUser('ada')).online;

/** What would be handled after the first one has been by the time that another client's requests are answered. */
async function goOn(): Promise<void> {
  release();
  const other = await gateway.connect({ auth: { token: await sign({ sub: 'bob' }) } });
  for (let count = 0; count < 5; count++) await other.request('order:fence');
}

const ask = (method: string, path: string, body?: unknown): Promise<unknown> =>
  gateway.http(method, path, body, { authorization: `Bearer ${key}` });

const ENDINGS: readonly (readonly [ending: string, exp: number | undefined, end: () => Promise<unknown>])[] =
  [
    ['is blocked', undefined, () => ask('PUT', '/v1/users/ada/block')],
    ['has its token revoked', undefined, () => ask('POST', '/v1/tokens/revoke', { jti: 'of-ada' })],
    ['is kicked', undefined, () => ask('DELETE', '/v1/users/ada/sockets')],
    ['is kicked to come back', undefined, () => ask('DELETE', '/v1/users/ada/sockets?reconnect=true')],
    ['has its token end', 0, async () => undefined],
  ];

describe('events that wait for the one before them', () => {
  const rows = ENDINGS.flatMap(([ending, exp, end]) =>
    clientsOf([2, 4]).map((how) => ({ ending, exp, end, ...how })),
  );

  it.each(rows)(
    '[A7] [A8] are handled no more when their user $ending, v$version by $transport',
    async ({ exp, end, version, transport }) => {
      const claims = { sub: 'ada', jti: 'of-ada', ...(exp !== undefined && { exp: inSeconds(exp) }) };
      const client = await gateway.connect({ version, transport, auth: { token: await sign(claims) } });
      await sendThree(client);
      await end();
      await until('its socket has ended', isGone);
      await goOn();
      expect(handled('ada')).toEqual(['order:first']);
    },
  );

  it('[M1] are handled when their client has just left', async () => {
    const client = await gateway.connect({ auth: { token: await sign({ sub: 'ada' }) } });
    await sendThree(client);
    client.close();
    await until('its socket has ended', isGone);
    await goOn();
    await until('all are handled', () => handled('ada').length === 3);
  });
});
