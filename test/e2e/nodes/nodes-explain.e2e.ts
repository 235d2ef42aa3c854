import { io, type Socket } from 'socket.io-client';
import { explain, explained, foundIn } from '../../support/explained.js';
import { describeWithRedis, TestRedis } from '../../support/redis.js';
import { ServiceProcess } from '../../support/service-process.js';

const heard = (socket: Socket, event: string): Promise<unknown> =>
  new Promise((resolve) => socket.once(event, resolve));

describeWithRedis('the flight record of several nodes', () => {
  let redis: TestRedis;
  const services: ServiceProcess[] = [];
  const sockets: Socket[] = [];

  beforeAll(async () => {
    redis = await TestRedis.start();
  });
  afterAll(async () => {
    for (const socket of sockets) socket.close();
    for (const service of services) service.signal('SIGKILL');
    await redis.kill();
  });

  const start = async (): Promise<{ service: ServiceProcess; url: string }> => {
    const started = await ServiceProcess.start({
      SWITCHBOARD_REDIS_URL: redis.url,
      SWITCHBOARD_NODE_LEASE_MS: '2000',
      SWITCHBOARD_DRAIN_WINDOW_MS: '100',
    });
    services.push(started.service);
    return started;
  };
  const connect = async (url: string, user: string): Promise<Socket> => {
    const socket = io(url, {
      transports: ['websocket'],
      reconnection: false,
      forceNew: true,
      auth: { user },
    });
    sockets.push(socket);
    await heard(socket, 'connect');
    return socket;
  };
  const emit = async (url: string, to: object): Promise<string> => {
    const response = await fetch(`${url}/v1/emit`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ to, event: 'x', args: ['secret text'] }),
    });
    return ((await response.json()) as { id: string }).id;
  };

  it('[X1] [X2] [X3] not_sticky, node_lost, deploy: any node tells of all, also of dead and drained ones; not of a client that stays', async () => {
    const one = await start();
    const two = await start();
    const three = await start();
    const ada = await connect(two.url, 'ada');
    await ada.emitWithAck('room:join', { room: 'lobby' });
    await connect(three.url, 'ben');
    await connect(one.url, 'eva');

    const open = await explain(one, { user: 'ada' });
    expect(open.episodes).toMatchObject([
      { socketId: ada.id, end: null, facts: [{ kind: 'joined', name: 'lobby' }] },
    ]);
    expect(open.now).toMatchObject({ nodes: 3, unanswered: [], online: true });

    const id = await emit(one.url, { rooms: ['lobby'] });
    const written = await explained(
      three,
      { publication: id, user: 'ada' },
      ({ verdict }) => verdict === 'written',
    );
    expect(written.publication).toMatchObject({ matched: 1, by: { kind: 'app' } });
    expect(written.publication!.nodes.map(({ written }) => written).toSorted()).toEqual([0, 1]);
    expect((await explain(two, { publication: id, user: 'ben' })).verdict).toBe('not_in_room');
    expect((await explain(two, { publication: id, user: 'cyd' })).verdict).toBe('offline');
    expect(JSON.stringify(written)).not.toContain('secret text');

    // Requests of a session reach a node that does not have it.
    const opened = await (await fetch(`${one.url}/socket.io/?EIO=4&transport=polling`)).text();
    const { sid } = JSON.parse(opened.slice(1)) as { sid: string };
    const stray = await fetch(`${two.url}/socket.io/?EIO=4&transport=polling&sid=${sid}`);
    expect(stray.status).toBe(400);
    const finding = await explained(one, { address: '127.0.0.1' }, ({ findings }) =>
      findings.some((each) => each.id === 'not_sticky' && each.confidence === 'certain'),
    );
    expect(JSON.stringify(finding)).not.toContain(sid);

    two.service.signal('SIGSTOP');
    const silent = await explain(one, { user: 'ada' });
    expect(silent.now.unanswered).toHaveLength(1);
    const late = await emit(one.url, { rooms: ['lobby'] });
    two.service.signal('SIGKILL');
    const lost = await foundIn(one, { user: 'ada' }, 'node_lost');
    expect(lost).toMatchObject({ confidence: 'certain' });
    expect((await explain(three, { publication: late, user: 'ada' })).verdict).toBe('node_lost');

    three.service.signal('SIGTERM');
    const drained = await foundIn(one, { user: 'ben' }, 'deploy');
    expect(drained).toMatchObject({ confidence: 'certain' });
    expect((await explain(one, { user: 'ben' })).findings.map(({ id: each }) => each)).not.toContain(
      'node_lost',
    );
    // It was at the same address all the time, on a node that stays, and never polled.
    expect((await explain(one, { user: 'eva' })).findings).toEqual([]);
  });
});
