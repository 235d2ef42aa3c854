/** Real brokers for tests: each gets its own, on free ports, in a folder of its own. */
import { spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from './free-port.js';
import { TestRedis } from './redis.js';
import { spawnTied } from './tied-process.js';
import { until } from './until.js';

/** A broker that a test has started. */
export interface TestBroker {
  readonly url: string;
  /** It dies, and its connections with it. */
  kill(): Promise<void>;
  /** Starts it again on the same port. */
  run(): Promise<void>;
  /** For the end of a test. */
  stop(): Promise<void>;
}

const RABBITMQ = '/usr/lib/rabbitmq/bin/rabbitmq-server';

const INSTALLED = {
  nats: spawnSync('nats-server', ['--version']).status === 0,
  redis: spawnSync('redis-server', ['--version']).status === 0,
  amqp: existsSync(RABBITMQ),
} as const;

/** The kinds of brokers that tests start. */
export type BrokerKind = keyof typeof INSTALLED;

const PACKAGES = { nats: 'nats-server', redis: 'redis-server', amqp: 'rabbitmq-server' } as const;

/** Skips where the broker is missing, with a line that says how to get it; in CI it is there or fails. */
export function describeWith(kind: BrokerKind): jest.Describe {
  if (INSTALLED[kind] || process.env['CI']) return describe;
  process.stderr.write(`skipping tests over ${kind}: apt-get install ${PACKAGES[kind]}\n`);
  return describe.skip;
}

/** Starts a broker and resolves when it takes connections. */
export async function startBroker(kind: BrokerKind): Promise<TestBroker> {
  if (!INSTALLED[kind]) throw new Error(`apt-get install ${PACKAGES[kind]}`);
  switch (kind) {
    case 'redis': {
      const redis = await TestRedis.start();
      return { url: redis.url, kill: () => redis.kill(), run: () => redis.run(), stop: () => redis.kill() };
    }
    case 'nats': {
      const port = await freePort();
      const command = ['nats-server', '-a', '127.0.0.1', '-p', String(port)] as const;
      return started(`nats://127.0.0.1:${port}`, port, () => spawnTied(command[0], command.slice(1), SILENT));
    }
    case 'amqp':
      return startRabbit();
  }
}

const SILENT = { stdio: 'ignore' } as const;

async function startRabbit(): Promise<TestBroker> {
  const [port, distPort, epmdPort] = [await freePort(), await freePort(), await freePort()];
  const folder = mkdtempSync(join(tmpdir(), 'rabbit-'));
  // Erlang's name server: one of the test's own, which ends with it.
  const names = spawnTied('epmd', ['-port', String(epmdPort), '-address', '127.0.0.1'], SILENT);
  const env = {
    PATH: process.env['PATH'],
    HOME: folder,
    // Erlang itself in place of the script that starts it: signals reach it.
    RUNNING_UNDER_SYSTEMD: '1',
    RABBITMQ_NODENAME: `test${port}@localhost`,
    RABBITMQ_NODE_IP_ADDRESS: '127.0.0.1',
    RABBITMQ_NODE_PORT: String(port),
    RABBITMQ_DIST_PORT: String(distPort),
    ERL_EPMD_PORT: String(epmdPort),
    RABBITMQ_MNESIA_BASE: join(folder, 'data'),
    RABBITMQ_LOG_BASE: join(folder, 'log'),
    RABBITMQ_CONF_ENV_FILE: join(folder, 'none'),
    RABBITMQ_CONFIG_FILE: join(folder, 'none'),
    RABBITMQ_ENABLED_PLUGINS_FILE: join(folder, 'plugins'),
    RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS: '+S 1:1 +sbwt none',
  };
  const spawn = (): ChildProcess => spawnTied(RABBITMQ, [], { ...SILENT, env });
  const broker = await started(`amqp://127.0.0.1:${port}`, port, spawn, 'AMQP\u0000\u0000\u0009\u0001');
  return {
    ...broker,
    stop: async () => {
      await broker.stop();
      names.kill('SIGKILL');
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

async function started(
  url: string,
  port: number,
  spawn: () => ChildProcess,
  greeting = '',
): Promise<TestBroker> {
  let child: ChildProcess | undefined;
  const kill = async (): Promise<void> => {
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const exited = once(child, 'exit');
    child.kill('SIGKILL');
    await exited;
  };
  const broker: TestBroker = {
    url,
    run: async () => {
      child = spawn();
      child.on('error', () => undefined);
      await until(`the broker at ${url} answers`, () => answers(port, greeting));
    },
    kill,
    stop: kill,
  };
  await broker.run();
  return broker;
}

/** Whether a broker says something: NATS by itself, RabbitMQ when it is greeted. */
function answers(port: number, greeting: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => socket.write(greeting));
    socket.once('data', () => end(true));
    socket.once('error', () => end(false));
    socket.once('close', () => end(false));
    const end = (isThere: boolean): void => {
      socket.destroy();
      resolve(isThere);
    };
  });
}
