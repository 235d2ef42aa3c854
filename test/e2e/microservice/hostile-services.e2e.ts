import { startGateway, type TestGateway } from 'switchboard-gateway/testing';
import { describeWith, startBroker, type TestBroker } from '../../support/brokers.js';
import { frame, startNatsService, startTcpService, type Packet } from '../../support/hostile-service.js';
import { until } from '../../support/until.js';

const SECRET = 'postgres://root:hunter2@db';

const refused = (code: string): unknown => ({
  ok: false,
  error: expect.objectContaining({ code, message: expect.any(String) }),
});
const FAILED = refused('handler.failed');

/** Packets of a service that says something else than Nest would; `n` is the answer that is none of these. */
const PACKETS: readonly [string, (packet: Packet) => unknown, unknown][] = [
  ['an answer without a value', ({ id }) => ({ id, isDisposed: false }), { ok: true }],
  ['null', ({ id }) => ({ id, response: null, isDisposed: true }), { ok: true, data: null }],
  ['a text as its error', ({ id }) => ({ id, err: SECRET, isDisposed: true }), FAILED],
  ['a list as its error', ({ id }) => ({ id, err: [SECRET], isDisposed: true }), FAILED],
  ['a number as its code', ({ id }) => ({ id, err: { code: 5, message: SECRET }, isDisposed: true }), FAILED],
  [
    'more than 64 KiB in few characters',
    ({ id }) => ({ id, response: '€'.repeat(30_000), isDisposed: true }),
    FAILED,
  ],
  [
    'what is nested 20,000 deep',
    ({ id }) => `{"id":"${id}","isDisposed":true,"response":${'['.repeat(20_000)}${']'.repeat(20_000)}}`,
    FAILED,
  ],
  ['what is no binary', ({ id }) => ({ id, response: { $base64: '%%' }, isDisposed: true }), FAILED],
];

describe('a hostile service over TCP', () => {
  let service: Awaited<ReturnType<typeof startTcpService>>;
  let gateway: TestGateway;

  beforeAll(async () => {
    service = await startTcpService();
    gateway = await startGateway({ handlers: { 'order:*': service.url }, handlerAttemptMs: 30_000 });
  });
  afterAll(async () => {
    await gateway.close();
    await service.stop();
  });

  it.each(PACKETS)(
    '[N6] [B4] [M1] has a request answered once when it answers %s',
    async (_, packet, expected) => {
      const client = await gateway.connect();
      service.answer = (socket, sent) => void socket.write(frame(packet(sent)));
      const answer = await client.request('order:place');
      expect(answer).toEqual(expected);
      expect(JSON.stringify(answer)).not.toContain(SECRET);
      client.close();
    },
  );

  it('[N6] [M1] is heard once, however often it answers, and answers of others are nobody’s', async () => {
    const client = await gateway.connect();
    service.answer = (socket, { id }) => {
      const answers = ['null', '7', { id: '__proto__', response: 1 }, { id: 'other', response: 2 }];
      for (const each of answers) socket.write(frame(each));
      for (const response of [3, 4, 5]) socket.write(frame({ id, response, isDisposed: true }));
    };
    expect(await client.request('order:place')).toEqual({ ok: true, data: 3 });
    client.close();
  });

  it.each<[string, string | undefined]>([
    ['writes garbage', 'xx#yy'],
    ['resets', undefined],
  ])('[N6] [B4] [M1] that %s fails the request, and is asked again', async (_, garbage) => {
    const client = await gateway.connect();
    service.answer = (socket) => {
      if (garbage === undefined) socket.resetAndDestroy();
      else socket.write(garbage);
    };
    expect(await client.request('order:place')).toEqual(FAILED);
    service.answer = (socket, { id }) => void socket.write(frame({ id, response: 1, isDisposed: true }));
    await until('it is answered again', async () => (await client.request('order:place'))['ok'] === true);
    client.close();
  });

  it('[N6] [B3] [M1] ends the socket where it throws a goodbye, answered first', async () => {
    const client = await gateway.connect();
    service.answer = (socket, { id }) =>
      void socket.write(frame({ id, err: { disconnect: { message: 'bye' } }, isDisposed: true }));
    expect(await client.request('order:place')).toEqual(refused('kicked'));
    expect(await client.next('server:disconnect')).toMatchObject([{ code: 'kicked', message: 'bye' }]);
    client.close();
  });

  it('[N6] [B5] that has no handler for an event goes on taking the others', async () => {
    const client = await gateway.connect();
    service.answer = (socket, { id, pattern }) => {
      const none = {
        err: 'There is no matching message handler defined in the remote service.',
        status: 'error',
      };
      socket.write(
        frame(pattern === 'order:place' ? { id, response: 1, isDisposed: true } : { id, ...none }),
      );
    };
    for (let count = 0; count < 25; count++) expect(await client.request(`order:${count}`)).toEqual(FAILED);
    expect(await client.request('order:place')).toEqual({ ok: true, data: 1 });
    client.close();
  });
});

describeWith('nats')('a hostile service over NATS', () => {
  let broker: TestBroker;
  let service: Awaited<ReturnType<typeof startNatsService>>;
  let gateway: TestGateway;
  const unowned: unknown[] = [];
  const noteUnowned = (failure: unknown): void => void unowned.push(failure);

  beforeAll(async () => {
    process.on('unhandledRejection', noteUnowned);
    broker = await startBroker('nats');
    service = await startNatsService(broker.url, 'order:place');
    gateway = await startGateway({ handlers: { '*': broker.url }, handlerAttemptMs: 30_000 });
  });
  afterAll(async () => {
    await gateway.close();
    await service.stop();
    await broker.stop();
    process.off('unhandledRejection', noteUnowned);
  });

  it.each(PACKETS)(
    '[N6] [B4] [M1] has a request answered once when it answers %s',
    async (_, packet, expected) => {
      const client = await gateway.connect();
      service.answer = (message, sent) => {
        const answer = packet(sent);
        message.respond(typeof answer === 'string' ? answer : JSON.stringify(answer));
      };
      expect(await client.request('order:place')).toEqual(expected);
      client.close();
    },
  );

  it.each<[string, string | Uint8Array]>([
    ['text that is no JSON', SECRET],
    ['bytes that are no text', new Uint8Array([255, 254, 0])],
    ['nothing', ''],
  ])('[N6] [B4] [L4] that answers %s fails the request at once, and harms no process', async (_, bytes) => {
    const client = await gateway.connect();
    service.answer = (message) => void message.respond(bytes);
    expect(await client.request('order:place')).toEqual(FAILED);
    expect(unowned).toEqual([]);
    client.close();
  });

  it('[N6] [B5] is not reached by names that are no subjects, those of the broker, and those of the gateway', async () => {
    const client = await gateway.connect();
    const names = ['order: place', 'order:\r\nPUB x 1\r\n1', 'order:>', 'order.*', 'order..', ''];
    for (const name of [
      ...names,
      '$SYS.REQ.SERVER.PING',
      '_INBOX.x',
      'switchboard.emit',
      'order:place.reply',
    ]) {
      expect(await client.request(name)).toEqual(refused('event.unknown'));
    }
    service.answer = (message, { id }) =>
      void message.respond(JSON.stringify({ id, response: 1, isDisposed: true }));
    for (let count = 0; count < 25; count++) expect(await client.request(`order:${count}`)).toEqual(FAILED);
    expect(await client.request('order:place')).toEqual({ ok: true, data: 1 });
    client.close();
  });
});
