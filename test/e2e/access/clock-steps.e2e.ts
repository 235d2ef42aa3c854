import { jest } from '@jest/globals';
import { startGateway, type TestClient, type TestGateway } from 'switchboard-gateway/testing';
import { arrivedAt } from '../../support/arrivals.js';
import { everythingIn, inSeconds, SECRET, sign } from '../../support/tokens.js';
import { until } from '../../support/until.js';

const ONE_HOUR_MS = 3_600_000;
const SOON_S = 2;

const wallNow = Date.now.bind(Date);
const setClockBy = (ms: number): void =>
  void jest.spyOn(Date, 'now').mockImplementation(() => wallNow() + ms);

describe.each([
  ['back', -ONE_HOUR_MS],
  ['forward', ONE_HOUR_MS],
])('a wall clock that is set %s by an hour', (_, stepMs) => {
  let gateway: TestGateway;

  beforeEach(async () => {
    gateway = await startGateway({
      jwtSecret: SECRET,
      recoveryWindowMs: 1_500,
      eventsPerSecond: 100_000,
      eventsBurst: 100_000,
    });
  });
  afterEach(async () => {
    jest.restoreAllMocks();
    await gateway.close();
  });

  const caps = [everythingIn('lobby')];
  const tokenOf = (sub: string, seconds: number): Promise<string> =>
    sign({ sub, exp: inSeconds(seconds), caps });
  // Clients of 4.x look at the wall clock themselves, and this process has only one.
  const connect = async (sub: string, seconds: number, more: object = {}): Promise<TestClient> =>
    gateway.connect({ version: 3, auth: { token: await tokenOf(sub, seconds), ...more } });
  const endOf = async (client: TestClient): Promise<unknown> => (await client.next('server:disconnect'))[0];
  const EXPIRED = expect.objectContaining({ code: 'auth.token_expired' });

  it('[A11] ends a socket with its token, not before and not later', async () => {
    const [soon, later] = [await connect('ann', SOON_S), await connect('bob', 600)];
    setClockBy(stepMs);
    expect(await endOf(soon)).toEqual(EXPIRED);
    expect(await later.request('socket:info')).toMatchObject({ ok: true });
  });

  it('[A11] ends a refreshed socket with its new token', async () => {
    const [refreshed, soon] = [await connect('ann', 30), await connect('bob', 30)];
    expect(await refreshed.request('auth:refresh', { token: await tokenOf('ann', 600) })).toMatchObject({
      ok: true,
    });
    expect(await soon.request('auth:refresh', { token: await tokenOf('bob', SOON_S) })).toMatchObject({
      ok: true,
    });
    setClockBy(stepMs);
    expect(await endOf(soon)).toEqual(EXPIRED);
    expect(await refreshed.request('socket:info')).toMatchObject({ ok: true });
  });

  it('[A11] ends what a room token grants with the token', async () => {
    const client = await connect('ann', 600);
    const roomToken = (room: string, seconds: number): Promise<string> =>
      sign({ sub: 'ann', exp: inSeconds(seconds), room, allow: ['join'] });
    for (const [room, seconds] of [
      ['brief', SOON_S],
      ['long', 600],
    ] as const) {
      const token = await roomToken(room, seconds);
      expect(await client.request('room:join', { room, token })).toMatchObject({ ok: true });
    }
    setClockBy(stepMs);
    const rooms = async (): Promise<unknown> => (await client.request('socket:info'))['rooms'];
    await until('the brief one is over', async () => !((await rooms()) as string[]).includes('brief'));
    expect(await rooms()).toEqual(['long']);
  });

  it('[A11] [M4] tells that a user left when it does not come back within the window', async () => {
    const [watcher, member] = [await connect('ann', 600), await connect('bob', 600)];
    await member.request('room:join', { room: 'lobby' });
    await watcher.request('room:join', { room: 'lobby', presence: true });
    member.breakTransport();
    setClockBy(stepMs);
    const brokeAt = performance.now();
    await until('its leave is told', () => arrivedAt(watcher, 'room:presence').length > 0);
    expect(arrivedAt(watcher, 'room:presence')).toEqual([[{ room: 'lobby', joined: [], left: ['bob'] }]]);
    expect(performance.now() - brokeAt).toBeGreaterThanOrEqual(1_400);
  });

  it('[A11] [H4] gives a session back to its client within the window', async () => {
    const token = await tokenOf('ann', 600);
    const client = await gateway.connect({ auth: { token, recovery: true } });
    const { id } = client;
    client.breakTransport();
    await client.next('disconnect');
    setClockBy(stepMs);
    // The wall clock is what says whether a token that is presented now has expired.
    Object.assign(client.socket, { auth: { token: await sign({ sub: 'ann', caps }), recovery: true } });
    client.socket.open();
    await client.next('connect');
    expect(client.id).toBe(id);
  });
});
