import { createClient, type Answer, type TestClient } from 'switchboard-gateway/testing';
import { ok, TestBackend } from '../../support/backend.js';
import { ServiceProcess } from '../../support/service-process.js';
import { until } from '../../support/until.js';

/** An event whose answer the test waits for when it likes. */
function ask(client: TestClient, event: string): { answers: Answer[]; answered: Promise<Answer> } {
  const answers: Answer[] = [];
  const answered = new Promise<Answer>((resolve) => {
    client.emit(event, (answer: Answer) => {
      answers.push(answer);
      resolve(answer);
    });
  });
  return { answers, answered };
}

describe('a node that ends while a backend handles an event', () => {
  let backend: TestBackend;
  let answer: () => void;
  let held: Promise<void>;
  const clients: TestClient[] = [];
  const services: ServiceProcess[] = [];

  const start = async (): Promise<{ service: ServiceProcess; url: string }> => {
    const started = await ServiceProcess.start({
      SWITCHBOARD_HANDLERS: `order:*=${backend.url}`,
      SWITCHBOARD_DRAIN_WINDOW_MS: '1000',
      SWITCHBOARD_HANDLER_ATTEMPT_MS: '20000',
    });
    services.push(started.service);
    return started;
  };
  const connect = async (url: string, options: object = {}): Promise<TestClient> => {
    const client = createClient(url, options);
    clients.push(client);
    await client.next('connect');
    return client;
  };
  beforeEach(async () => {
    held = new Promise((done) => (answer = done));
    backend = await TestBackend.start(async ({ body }) => {
      await held;
      return ok({ ack: body['event'] });
    });
  });
  afterEach(async () => {
    for (const client of clients.splice(0)) {
      client.close();
      client.dispose();
    }
    for (const service of services.splice(0)) service.signal('SIGKILL');
    await backend.stop();
  });

  it('[O2] [M1] answers it, refuses what comes behind it, and then says goodbye', async () => {
    const { service, url } = await start();
    const client = await connect(url);
    const first = ask(client, 'order:first');
    const second = ask(client, 'order:second');
    await until('the backend is asked', () => backend.requests.length === 1);
    service.signal('SIGTERM');
    expect(await second.answered).toMatchObject({ ok: false, error: { code: 'server.draining' } });
    const third = ask(client, 'order:third');
    expect(await third.answered).toMatchObject({ ok: false, error: { code: 'server.draining' } });
    expect(first.answers).toEqual([]);
    answer();
    expect(await first.answered).toEqual({ ok: true, data: 'order:first' });
    expect(await client.next('server:disconnect')).toMatchObject([{ code: 'server.draining' }]);
    expect(await service.ended).toEqual({ code: 0, signal: null });
    expect(backend.requests).toHaveLength(1);
  });

  it('[B5] killed: the backend is asked once, and the client gets its answer from another node when it asks again', async () => {
    const [one, other] = [await start(), await start()];
    const client = await connect(one.url);
    const lost = ask(client, 'order:place');
    await until('the backend is asked', () => backend.requests.length === 1);
    one.service.signal('SIGKILL');
    await client.next('disconnect');
    await one.service.ended;
    const again = await connect(other.url);
    answer();
    expect(await ask(again, 'order:place').answered).toEqual({ ok: true, data: 'order:place' });
    expect(lost.answers).toEqual([]);
    const ids = backend.requests.map(({ body }) => body['id']);
    expect(new Set(ids).size).toBe(2);
  });

  it('[C2] a bad list of handlers stops the start with one line', async () => {
    const service = ServiceProcess.run([], { PORT: '0', SWITCHBOARD_HANDLERS: 'order:*=ftp://secret@host' });
    expect(await service.ended).toMatchObject({ code: 1 });
    const lines = [...service.stdout, ...service.stderr].filter((line) => line !== '');
    expect(lines.filter((line) => line.includes('SWITCHBOARD_HANDLERS'))).toHaveLength(1);
    expect(lines.join('\n')).not.toContain('secret');
  });
});
