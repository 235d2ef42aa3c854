import { hostname } from 'node:os';
import { io, type Socket } from 'socket.io-client';
import { explained, found } from '../../support/explained.js';
import { describeWithRedis, TestRedis } from '../../support/redis.js';
import { ServiceProcess } from '../../support/service-process.js';

interface Goodbye {
  readonly code: string;
  readonly retryable: boolean;
}

const heard = <T>(socket: Socket, event: string): Promise<T> =>
  new Promise((resolve) => socket.once(event, resolve));

describeWithRedis('a node that stands still', () => {
  let redis: TestRedis;
  const services: ServiceProcess[] = [];

  beforeAll(async () => {
    redis = await TestRedis.start(['--maxmemory', '64mb', '--maxmemory-policy', 'allkeys-lru']);
  });
  afterAll(async () => {
    for (const service of services) service.signal('SIGKILL');
    await redis.kill();
  });

  const start = async (): Promise<{ service: ServiceProcess; url: string }> => {
    const started = await ServiceProcess.start({
      SWITCHBOARD_REDIS_URL: redis.url,
      SWITCHBOARD_NODE_LEASE_MS: '2000',
    });
    services.push(started.service);
    return started;
  };
  const nodeOf = async (process: ServiceProcess): Promise<string> =>
    /node=(\S+)/.exec(await process.line(/this node/))![1]!;
  /** One of the nodes that live says so, whichever comes first. */
  const isLost = async (stalled: ServiceProcess): Promise<void> => {
    const line = new RegExp(`a node was lost .*${await nodeOf(stalled)}`);
    await Promise.any(services.filter((each) => each !== stalled).map((each) => each.line(line)));
  };
  const textOf = async (url: string): Promise<string> => (await fetch(url)).text();

  it('[O4] says so, tells its sockets, and does not blame Redis', async () => {
    const { service, url } = await start();
    await start();
    const socket = io(url, { transports: ['websocket'], reconnection: false });
    await heard(socket, 'connect');
    const goodbye = heard<Goodbye>(socket, 'server:disconnect');
    const lost = isLost(service);
    service.signal('SIGSTOP');
    await lost;
    service.signal('SIGCONT');
    expect(await service.line(/event loop stalled/)).toMatch(/durationMs=\d{4,}/);
    expect(await goodbye).toMatchObject({ code: 'node.stalled', retryable: true });
    await service.line(/shared state can be used/);
    const all = [...service.stdout, ...service.stderr].join('\n');
    expect(all).not.toMatch(/shared state is gone|Redis does not/);
    const metrics = await textOf(`${url}/metrics`);
    expect(metrics).toMatch(/^switchboard_event_loop_stalls_total 1$/m);
    expect(metrics).toMatch(/^switchboard_engine_lost_total 0$/m);
    expect(metrics).toMatch(/^switchboard_disconnections_total\{reason="node.stalled"\} 1$/m);
    socket.close();
  });

  it('[X2] is what ended its clients, for whoever explains them later: it was taken for dead, and came back', async () => {
    const { service, url } = await start();
    const { url: asked } = await start();
    const socket = io(url, { transports: ['websocket'], reconnection: false, auth: { user: 'ada' } });
    await heard(socket, 'connect');
    const goodbye = heard<Goodbye>(socket, 'server:disconnect');
    const lost = isLost(service);
    service.signal('SIGSTOP');
    await lost;
    service.signal('SIGCONT');
    await goodbye;
    const answer = await explained({ url: asked }, { user: 'ada' }, ({ episodes }) =>
      episodes.some(({ end }) => end?.reason === 'node.stalled'),
    );
    expect(answer.episodes).toHaveLength(1);
    expect(found(answer)).toContain('node_stalled certain');
    expect(found(answer).join()).not.toMatch(/node_lost|received_twice/);
    socket.close();
  });

  it('[O4] every node can be told from the others: in its log, by the API, to probes and in metrics', async () => {
    const { service, url } = await start();
    const { service: other } = await start();
    const [one, two] = [await nodeOf(service), await nodeOf(other)];
    const { items } = JSON.parse(await textOf(`${url}/v1/nodes`)) as { items: { node: string }[] };
    const here = { host: hostname(), pid: expect.any(Number), version: expect.any(String) };
    for (const node of [one, two]) expect(items).toContainEqual(expect.objectContaining({ node, ...here }));
    const ready = JSON.parse(await textOf(`${url}/health/ready`)) as { details: object };
    expect(ready.details).toMatchObject({ gateway: { node: one, ...here } });
    expect(await textOf(`${url}/metrics`)).toMatch(
      new RegExp(
        `^switchboard_build_info\\{node="${one}",host="${hostname()}",pid="\\d+",version="[^"]+"\\} 1$`,
        'm',
      ),
    );
  });

  it('warns of a Redis that throws away what it is to keep, or has too little memory for it', async () => {
    const { service } = await start();
    expect(await service.line(/maxmemory-policy is allkeys-lru/)).toMatch(/warn/);
    expect(await service.line(/maxmemory is 67108864 bytes/)).toMatch(/SWITCHBOARD_MAX_HISTORY_BYTES/);
  });
});
