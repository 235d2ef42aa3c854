import { NestFactory } from '@nestjs/core';
import { setupSwitchboard } from 'switchboard-gateway';
import { startApp, type TestClient, type TestGateway } from 'switchboard-gateway/testing';
import { AppModule } from './src/app.module.js';

describe('an app with its own login', () => {
  let app: TestGateway;

  beforeEach(async () => {
    const created = await NestFactory.create(AppModule, { logger: false, abortOnError: false });
    setupSwitchboard(created);
    app = await startApp(created);
  });
  afterEach(() => app.close());

  const logIn = async (user: string, password: string): Promise<string> => {
    const { status, headers } = await app.http('POST', '/login', { user, password });
    expect(status).toBe(204);
    return headers.get('set-cookie')!.split(';')[0]!;
  };
  const withCookie = (cookie: string) => ({ client: { extraHeaders: { cookie } } });
  const comeIn = async (user: string, password: string): Promise<TestClient> =>
    app.connect(withCookie(await logIn(user, password)));

  it('[N7] knows a client by the cookie of its session, whatever it calls itself', async () => {
    const cookie = await logIn('ann', 'apple');
    const ann = await app.connect({ ...withCookie(cookie), auth: { user: 'admin' } });
    expect(await ann.request('socket:info')).toMatchObject({ ok: true, user: 'ann' });
  });

  it('[N7] lets nobody in without a session', async () => {
    expect((await app.http('POST', '/login', { user: 'ann', password: 'pear' })).status).toBe(401);
    for (const options of [{}, { auth: { user: 'ann' } }, withCookie('session=made-up')]) {
      const [refusal] = await app.open(options).next('connect_error');
      expect((refusal as { data?: unknown }).data).toMatchObject({ code: 'access.denied' });
    }
  });

  it('[N7] lets each into the teams that the app says, and carries what is said there', async () => {
    const [ann, ben] = [await comeIn('ann', 'apple'), await comeIn('ben', 'banana')];
    for (const client of [ann, ben]) {
      expect(await client.request('room:join', { room: 'team:red' })).toMatchObject({ ok: true });
    }
    expect(await ben.request('room:join', { room: 'team:blue' })).toMatchObject({
      error: { code: 'access.denied' },
    });
    expect(await ann.request('say', { team: 'red', text: 'hello' })).toEqual({ ok: true });
    expect(await ben.next('said')).toEqual([{ user: 'ann', text: 'hello' }]);
    expect(await ben.request('say', { team: 'blue', text: 'me too' })).toMatchObject({ ok: false });
  });

  it('[N7] ends the open sockets of who logs out, and lets the session in no more', async () => {
    const cookie = await logIn('ann', 'apple');
    const ann = await app.connect(withCookie(cookie));
    expect((await app.http('DELETE', '/login', undefined, { cookie })).status).toBe(204);
    expect(await ann.next('server:disconnect')).toMatchObject([{ code: 'kicked' }]);
    const [refusal] = await app.open(withCookie(cookie)).next('connect_error');
    expect((refusal as { data?: unknown }).data).toMatchObject({ code: 'access.denied' });
  });
});
