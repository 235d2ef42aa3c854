import { createClient } from 'switchboard-gateway/testing';
import { TestAuthority } from '../../support/certificates.js';
import { freePort } from '../../support/free-port.js';
import { TestCluster } from '../../support/redis-cluster.js';
import { TestSentinels } from '../../support/redis-sentinels.js';
import { describeWithRedis, TestRedis } from '../../support/redis.js';
import { ServiceProcess } from '../../support/service-process.js';

const PASSWORD = 'kumquat-0123456789';
const SENTINEL_PASSWORD = 'lychee-0123456789';

/** A Redis of some kind, reached over TLS. */
interface Deployment {
  readonly url: string;
  stop(): Promise<void>;
}

async function startSingle(authority: TestAuthority): Promise<Deployment> {
  const port = await freePort();
  const redis = await TestRedis.start(authority.args(port), PASSWORD);
  return { url: `rediss://:${PASSWORD}@127.0.0.1:${port}`, stop: () => redis.kill() };
}

async function startSentinels(authority: TestAuthority): Promise<Deployment> {
  const port = await freePort();
  const redis = await TestRedis.start(authority.args(port), PASSWORD);
  const sentinels = await TestSentinels.start({
    primaryPort: port,
    primaryPassword: PASSWORD,
    replicas: 0,
    login: { kind: 'user', password: SENTINEL_PASSWORD },
    tls: (own) => authority.settings(own).map((setting) => setting.join(' ')),
  });
  return {
    url: `rediss+sentinel://:${PASSWORD}@${sentinels.hosts}/main${sentinels.query}`,
    stop: async () => {
      await sentinels.stop();
      await redis.kill();
    },
  };
}

async function startCluster(authority: TestAuthority): Promise<Deployment> {
  const ports: number[] = [];
  const cluster = await TestCluster.start(2, 0, PASSWORD, async () => {
    const port = await freePort();
    ports.push(port);
    return [...authority.args(port), '--tls-cluster', 'yes'];
  });
  // The keys are on the first, which a client has to be told of.
  return { url: `rediss+cluster://:${PASSWORD}@127.0.0.1:${ports[1]}`, stop: () => cluster.stop() };
}

describeWithRedis('over TLS', () => {
  let authority: TestAuthority;

  beforeAll(async () => {
    authority = await TestAuthority.create();
  });
  afterAll(() => authority.remove());

  it.each([
    ['a Redis', startSingle],
    ['Sentinels and their primary', startSentinels],
    ['a cluster', startCluster],
  ])('[O3] nodes that trust its certificate share %s, and one that does not says so', async (_, deploy) => {
    const { url, stop } = await deploy(authority);
    const env = { SWITCHBOARD_REDIS_URL: url };
    const trusting = { ...env, NODE_EXTRA_CA_CERTS: authority.caFile };
    const started = await Promise.all([
      ServiceProcess.start(trusting),
      ServiceProcess.start(trusting),
      ServiceProcess.start(env),
    ]);
    const [one, two, untrusting] = started;
    const client = createClient(one.url, { auth: { user: 'ada' } });
    try {
      await client.next('connect');
      const emitted = await fetch(`${two.url}/v1/emit`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ to: { users: ['ada'] }, event: 'said', args: ['hello'] }),
      });
      expect(await emitted.json()).toMatchObject({ matched: 1 });
      expect(await client.next('said')).toEqual(['hello']);

      const health = await fetch(`${untrusting.url}/health/ready`);
      expect(health.status).toBe(503);
      expect(await health.text()).toContain('"the certificate of Redis is not trusted"');
      const { stdout, stderr } = untrusting.service;
      expect([...stdout, ...stderr].join('\n')).toContain('the certificate of Redis is not trusted');
      expect([...stdout, ...stderr].join('\n')).not.toMatch(/kumquat|lychee/);
    } finally {
      client.close();
      for (const { service } of started) service.signal('SIGKILL');
      await Promise.all(started.map(({ service }) => service.ended));
      await stop();
    }
  });
});
