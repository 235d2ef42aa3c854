import { startGateway, type TestGateway } from 'switchboard-gateway/testing';
import { describeWithPython, startPythonClient, type PythonClient } from '../../support/python.js';
import { until } from '../../support/until.js';

const BYTES = [0, 1, 127, 128, 255];

describeWithPython('a python-socketio client', () => {
  let gateway: TestGateway;
  const started: PythonClient[] = [];

  const start = (transport: string, user: string): PythonClient => {
    const client = startPythonClient(gateway.url, transport, user);
    started.push(client);
    return client;
  };

  beforeAll(async () => {
    gateway = await startGateway();
  });
  afterEach(async () => {
    for (const client of started) client.kill();
    await Promise.all(started.splice(0).map(({ exited }) => exited));
  });
  afterAll(async () => {
    await gateway?.close();
  });

  it.each(['polling', 'websocket'])(
    '[L1] [L7] connects by %s, joins, emits, answers, takes binary, and stays away when it is kicked',
    async (transport) => {
      const user = `python-${transport}`;
      const { events, exited } = start(transport, user);

      const [socketId] = (await events.next('connect')) as [string];
      expect(await gateway.registry.getSocket(socketId)).toMatchObject({
        user,
        transport,
        protocol: 4,
      });
      expect(await events.next('joined')).toEqual([{ ok: true, room: 'lobby' }]);
      expect(await events.next('emitted')).toEqual([{ ok: true, id: expect.any(String) }]);
      expect(await events.next('news')).toEqual([{ bytes: [0, 1, 255] }, { n: 1 }]);
      expect(await events.next('refused')).toMatchObject([{ ok: false, error: { code: 'room.invalid' } }]);

      const { broadcaster } = gateway;
      await broadcaster.toRooms('lobby').emit('news', 'ä😀', Buffer.from(BYTES));
      expect(await events.next('news')).toEqual(['ä😀', { bytes: BYTES }]);
      const { responses, missing } = await broadcaster
        .toUsers(user)
        .emitWithAck('mirror', 'text', Buffer.from(BYTES), { timeoutMs: 10_000 });
      expect(responses).toEqual([{ socketId, user, args: ['text', Buffer.from(BYTES)] }]);
      expect(missing).toEqual([]);

      expect(await gateway.http('DELETE', `/v1/sockets/${socketId}`)).toMatchObject({ status: 204 });
      expect(await events.next('server:disconnect')).toMatchObject([{ code: 'kicked', retryable: false }]);
      await events.next('disconnect');
      // The client would still be waiting if it tried to come back.
      await events.next('over');
      expect(await exited).toBe(0);
      expect(await gateway.registry.getUser(user)).toMatchObject({ online: false });
    },
  );

  it('[D5] [L1] gets a burst by polling whole: it takes 16 packets at most out of one answer', async () => {
    const { events, kill, exited } = start('polling', 'python-burst');
    await events.next('refused');
    const numbers = Array.from({ length: 40 }, (_, n) => n);
    const commands = numbers.map((n) => ({
      emit: { to: { users: ['python-burst'] }, event: 'news', args: [n] },
    }));
    // What it published itself in its tour.
    await events.next('news');
    expect((await gateway.http('POST', '/v1/batch', { commands })).status).toBe(200);
    const got: unknown[] = [];
    while (got.length < numbers.length) got.push((await events.next('news'))[0]);
    // Its handlers run in threads of their own.
    expect(got.toSorted((a, b) => Number(a) - Number(b))).toEqual(numbers);
    expect(events.pending('disconnect')).toBe(0);
    kill();
    await exited;
  });

  it.each(['polling', 'websocket'])('[L7] comes back by %s when it is sent away to', async (transport) => {
    const user = `python-returns-${transport}`;
    const { events } = start(transport, user);
    const [socketId] = (await events.next('connect')) as [string];
    await gateway.http('DELETE', `/v1/sockets/${socketId}?reconnect=true`);
    expect(await events.next('server:disconnect')).toMatchObject([{ code: 'kicked', retryable: true }]);
    await until('it is back', async () => {
      const { sockets } = await gateway.registry.getUser(user);
      return sockets.length === 1 && sockets[0]!.socketId !== socketId;
    });
  });

  it.each(['polling', 'websocket'])('[L2] is told by %s why it is refused', async (transport) => {
    const { events, exited } = start(transport, 'x'.repeat(129));
    expect(await events.next('connect_error')).toEqual([
      expect.objectContaining({
        data: expect.objectContaining({ code: 'payload.invalid', retryable: false }),
      }),
    ]);
    // It exits only when nothing in it tries to come back.
    expect(await exited).toBe(3);
    expect(events.pending('connect')).toBe(0);
    expect(events.pending('connect_error')).toBe(0);
  });
});
