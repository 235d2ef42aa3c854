/** What Jest runs: everything as it is, and the end to end tests of the gateway a second time on the redis engine. */
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** For Jest, which takes it from where the projects are listed. */
export const TEST_TIMEOUT_MS = 150_000;

const COMMON = {
  testEnvironment: '<rootDir>/test/jest/environment.cjs',
  runtime: '<rootDir>/test/jest/runtime.cjs',
  extensionsToTreatAsEsm: ['.ts'],
  transform: {
    '^.+\\.ts$': [
      '@swc/jest',
      {
        jsc: {
          target: 'es2022',
          parser: { syntax: 'typescript', decorators: true },
          transform: { legacyDecorator: true, decoratorMetadata: true, useDefineForClassFields: false },
        },
        module: { type: 'es6' },
        sourceMaps: 'inline',
      },
    ],
  },
  // A limit, not an expectation: a test that waits for what never comes ends, and a busy machine is no failure.
  testTimeout: TEST_TIMEOUT_MS,
};

/** @param {string[]} suites by name @returns {string[]} patterns of their paths */
const filesOf = (suites) =>
  suites.map((suite) => `/(?:test/e2e|test/package|examples)/(?:[^/]+/)?${suite}\\.e2e\\.ts$`);

const MODULES = {
  '^switchboard-gateway$': '<rootDir>/src/index.ts',
  '^switchboard-gateway/client$': '<rootDir>/src/microservice/client/index.ts',
  '^switchboard-gateway/microservice$': '<rootDir>/src/microservice/index.ts',
  '^switchboard-gateway/testing$': '<rootDir>/src/testing/index.ts',
  '^(\\.{1,2}/.*)\\.js$': '$1',
};

/** What `npm run test:long` runs and `npm test` does not, by the reason. */
const LONG_SUITES = {
  'have time and chance in them; scripts of their own run them for longer': [
    'chaos',
    'fuzz',
    'healthy',
    'incidents',
    'jitter',
    'soak',
  ],
  'wait for a minute': ['findings-in-time'],
  'start a dozen processes and more, one after the other': ['balancers', 'microservice-killed', 'tutorial'],
  'are of thousands of sockets': ['many-sockets'],
};
export const LONG = Object.values(LONG_SUITES).flat();

/** Unit tests beside the code they test, end to end tests under test/. Where a test names no Redis: the memory engine. */
export const everything = {
  ...COMMON,
  roots: ['src', 'test/support', 'test/package', 'test/e2e', 'examples'].map(
    (folder) => `<rootDir>/${folder}`,
  ),
  testMatch: ['**/*.spec.ts', '**/*.e2e.ts'],
  testPathIgnorePatterns: ['/node_modules/', ...filesOf(LONG)],
  setupFilesAfterEnv: ['<rootDir>/test/support/nothing-told.ts'],
  moduleNameMapper: MODULES,
};

/** Those alone. */
export const long = {
  ...everything,
  testMatch: LONG.map((suite) => `**/${suite}.e2e.ts`),
  testPathIgnorePatterns: [],
};

/** What a spec has in it that starts a server or a process: it is no part of the fast tests. */
const STARTS_SOMETHING =
  /\b(?:TestRedis|RedisNode|WebhookReceiver|listen\(|startGateway|fork\(|spawn\(|execFileSync\(|createServer|NestFactory|describeWithRedis)/;

/** Specs that only compute. */
export const specs = {
  ...everything,
  testMatch: ['**/*.spec.ts'],
  testPathIgnorePatterns: ['/node_modules/', ...specsThatStartSomething()],
};

/** Not in test/clients: compilers write and remove files in it. */
function specsThatStartSomething() {
  const root = fileURLToPath(new URL('..', import.meta.url));
  return ['src', 'test/support', 'test/package', 'test/e2e'].flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
      .filter((path) => path.endsWith('.spec.ts'))
      .map((path) => join(root, folder, path))
      .filter((path) => STARTS_SOMETHING.test(readFileSync(path, 'utf8')))
      .map((path) => `${path.replaceAll('.', '\\.')}$`),
  );
}

/** End to end tests that would say nothing new on another engine, by the reason. */
const NOT_ON_REDIS = {
  'start a Redis and several nodes themselves': [
    'cluster-script',
    'microservice-brokers',
    'nodes-clocks',
    'nodes-control',
    'nodes-cursors',
    'nodes-delivery',
    'nodes-embedding',
    'nodes-explain',
    'nodes-history',
    'nodes-idempotency',
    'nodes-outage',
    'nodes-presence',
    'nodes-recovery',
    'nodes-registry',
    'nodes-stalled',
    'nodes-tls',
    'nodes-verdicts',
    'nodes-webhooks',
    'order-of-deeds',
    'private-rooms-across-nodes',
    'recovery-since',
    'refused-across-nodes',
    'rights-while-redis-stalls',
    'sessions-without-redis',
    'shut-out-without-redis',
    'workers',
  ],
  'start the gateway as a process, on the memory engine': ['handlers-at-the-end', 'python-backend', 'shop'],
  'show the figures of what the memory engine keeps, which Redis shows of itself': ['metrics'],
  'end before the engine is asked, or ask it nothing': [
    'cli',
    'console',
    'openapi',
    'playground',
    'python-client',
    'receivers',
    'signals-while-starting',
    'start-script',
    'startup',
  ],
};

/** What `npm test` leaves to `npm run test:redis`, so that it stays quick. */
export const SELDOM_ON_REDIS = {
  'are about what happens before and beside the engine': [
    'access',
    'api-direct',
    'api-errors',
    'api-gate',
    'api-keys',
    'before-identity',
    'clients',
    'connect-handler',
    'connection-log',
    'embedding-enhancers',
    'embedding-errors',
    'embedding-handlers',
    'embedding-identity',
    'embedding-lifecycle',
    'embedding-listeners',
    'embedding-login',
    'embedding-second-nest',
    'exact-numbers',
    'first-request',
    'half-closed',
    'hooks',
    'hostile-backend',
    'lifecycle',
    'malformed',
    'messages-given-up',
    'microservice-client',
    'microservice-doors',
    'microservice-handlers',
    'microservice-logins',
    'nest-apps',
    'one-class-both-ways',
    'origins',
    'other-upgrades',
    'own-login',
    'refresh-handler',
    'refusals',
    'remote-events',
    'returning-clients',
    'rights',
    'secrets',
    'surfaces',
    'unix-socket',
  ],
  'are on Redis there too': ['stock-socket-io'],
  'send 200 MB': ['slow-consumers'],
  'drive a browser': ['admin-ui', 'story', 'trace'],
};

/**
 * The same files on the redis engine: every gateway that names no Redis gets a database of its own.
 *
 * Without redis-server there is no such project, and a line says so; in CI it is there and fails.
 * @param {Record<string, string[]>} leftOut more suites that do not run, by the reason
 * @returns {object[]} none or one
 */
export function onRedis(leftOut = {}) {
  const server = process.env.TEST_REDIS_SERVER ?? 'redis-server';
  const isInstalled = spawnSync(server, ['--version']).status === 0;
  if (!isInstalled && !process.env.CI) {
    process.stderr.write(
      'skipping the end to end tests on the redis engine: apt-get install redis-server (7.0 or newer)\n',
    );
    return [];
  }
  const project = {
    ...COMMON,
    displayName: 'redis engine',
    roots: ['<rootDir>/test/e2e', '<rootDir>/examples'],
    testMatch: ['**/*.e2e.ts'],
    testPathIgnorePatterns: filesOf([...LONG, ...Object.values({ ...NOT_ON_REDIS, ...leftOut }).flat()]),
    setupFilesAfterEnv: ['on-redis', 'nothing-told'].map((file) => `<rootDir>/test/support/${file}.ts`),
    moduleNameMapper: {
      // How the gateway reads its configuration; the one in test/support imports the real one by another name.
      '^\\./config/process-config\\.js$': '<rootDir>/test/support/process-config-on-redis.ts',
      ...MODULES,
    },
  };
  return [project];
}
