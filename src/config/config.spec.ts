import { generateKeyPairSync } from 'node:crypto';
import { inspect } from 'node:util';
import { ConfigError, type ConfigSources, loadConfig, type SwitchboardOptions } from './config.js';
import { CONFIG_KEY_LIST } from './keys.js';
import { isLoopbackHost } from './loopback.js';

const SECRET = 'correct-horse-battery-staple-0123456789';
const HASH = '9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08';

/** The problem lines of a configuration that has to be refused. */
function linesOf(sources: ConfigSources): readonly string[] {
  try {
    loadConfig(sources);
  } catch (error) {
    if (error instanceof ConfigError) return error.lines;
    throw error;
  }
  throw new Error('the configuration was not refused');
}

const linesOfEnv = (env: Record<string, string>): readonly string[] => linesOf({ env });

const untyped = (options: Record<string, unknown>): SwitchboardOptions => options as SwitchboardOptions;

describe('the defaults', () => {
  it('[C3] with nothing set, gives port 3000 on loopback in open mode and no Redis', () => {
    expect(loadConfig({ env: {} })).toMatchObject({
      port: 3000,
      host: '127.0.0.1',
      mode: 'open',
      open: false,
      redisUrl: undefined,
      history: [],
      transports: ['polling', 'websocket'],
      maxSocketsPerIp: 0,
      maxConnections: 0,
      handshakesPerSecond: 0,
      handlerTimeoutMs: 30_000,
      logLevel: 'info',
      logFormat: 'pretty',
    });
  });

  it('[C1] every default passes the schema of its own key', () => {
    for (const [name, key] of CONFIG_KEY_LIST) {
      if (key.default === undefined) continue;
      expect([name, key.schema.safeParse(key.default).data]).toEqual([name, key.default]);
    }
  });

  it('[C1] has a value for every key of the table, and names every variable once', () => {
    expect(Object.keys(loadConfig()).sort()).toEqual(
      [...CONFIG_KEY_LIST.map(([name]) => name), 'mode'].sort(),
    );
    expect(new Set(CONFIG_KEY_LIST.map(([, key]) => key.env)).size).toBe(CONFIG_KEY_LIST.length);
  });

  it('[C2] an empty variable counts as not set', () => {
    const config = loadConfig({ env: { PORT: '', SWITCHBOARD_JWT_SECRET: '', SWITCHBOARD_NO_SUCH_KEY: '' } });
    expect(config).toEqual(loadConfig());
  });

  it('[C1] is frozen, its lists and their entries included', () => {
    const config = loadConfig({ env: { SWITCHBOARD_HISTORY: 'a=1/1s' } });
    expect(Object.isFrozen(config)).toBe(true);
    expect(Object.isFrozen(config.transports)).toBe(true);
    expect(Object.isFrozen(config.history)).toBe(true);
    expect(Object.isFrozen(config.history[0])).toBe(true);
  });
});

describe('values from the environment', () => {
  it('[C2] parses numbers, booleans and lists', () => {
    const env = {
      PORT: '0',
      SWITCHBOARD_ALLOW_V2_CLIENTS: 'false',
      SWITCHBOARD_TRANSPORTS: ' websocket , websocket,',
      SWITCHBOARD_EVENTS_BURST: '1',
    };
    expect(loadConfig({ env })).toMatchObject({
      port: 0,
      allowV2Clients: false,
      transports: ['websocket'],
      eventsBurst: 1,
    });
  });

  it.each([
    ['PORT', '65536'],
    ['PORT', '-1'],
    ['PORT', '3e3'],
    ['PORT', ' 3000'],
    ['PORT', '0x10'],
    ['PORT', '99999999999999999999'],
    ['HOST', 'a b'],
    ['HOST', '[::1]'],
    ['HOST', 'http://localhost'],
    ['SWITCHBOARD_OPEN', '1'],
    ['SWITCHBOARD_OPEN', 'TRUE'],
    ['SWITCHBOARD_EVENTS_BURST', '0'],
    ['SWITCHBOARD_EVENTS_PER_SECOND', '1.5'],
    ['SWITCHBOARD_TRANSPORTS', ','],
    ['SWITCHBOARD_TRANSPORTS', 'polling,webtransport'],
    ['SWITCHBOARD_LOG_LEVEL', 'trace'],
    ['SWITCHBOARD_JWT_PREVIOUS_UNTIL', '2030-02-30T00:00:00Z'],
    ['SWITCHBOARD_JWT_PREVIOUS_UNTIL', '2030-01-31'],
    ['SWITCHBOARD_JWT_PREVIOUS_UNTIL', '2030-01-31T12:00Z'],
    ['SWITCHBOARD_JWT_PREVIOUS_UNTIL', '2030-01-31T12:00:00'],
    ['SWITCHBOARD_JWKS_URL', 'http://keys.example/jwks.json'],
    ['SWITCHBOARD_JWKS_URL', 'https://user:pass@keys.example/jwks.json'],
    ['SWITCHBOARD_JWKS_URL', 'keys.example'],
    ['SWITCHBOARD_REDIS_URL', 'http://localhost:6379'],
    ['SWITCHBOARD_REDIS_URL', 'localhost:6379'],
    ['SWITCHBOARD_HISTORY', 'chat:*'],
    ['SWITCHBOARD_HISTORY', 'chat:*=0/1h'],
    ['SWITCHBOARD_HISTORY', 'chat:*=10001/1h'],
    ['SWITCHBOARD_HISTORY', 'chat:*=1/0s'],
    ['SWITCHBOARD_HISTORY', 'chat:*=1/25d'],
    ['SWITCHBOARD_HISTORY', 'chat:*=1/1w'],
    ['SWITCHBOARD_HISTORY', '*:chat=1/1h'],
    ['SWITCHBOARD_HISTORY', '=1/1h'],
  ])('[C2] refuses %s=%s and names the key, and nothing else', (name, value) => {
    const lines = linesOfEnv({ [name]: value });
    expect(lines).toHaveLength(1);
    expect(lines[0]).toMatch(new RegExp(`^${name}: expected `));
  });

  it('[A5] parses origins as browsers send them', () => {
    const list = 'HTTPS://App.Example:443, http://localhost:5173,null,capacitor://localhost,http://[::1]:80';
    expect(loadConfig({ env: { SWITCHBOARD_CORS_ORIGINS: list } }).corsOrigins).toEqual([
      'https://app.example',
      'http://localhost:5173',
      'null',
      'capacitor://localhost',
      'http://[::1]',
    ]);
  });

  it.each([
    'https://a.example/',
    'https://a.example/app',
    'a.example',
    'https://',
    'https://a.example:99999',
  ])('[A5] refuses the origin %s', (origin) => {
    expect(linesOfEnv({ SWITCHBOARD_CORS_ORIGINS: `https://ok.example,${origin}` })).toEqual([
      expect.stringMatching(/^SWITCHBOARD_CORS_ORIGINS: expected entry 2 to be an origin/),
    ]);
  });

  it.each(['*', 'https://*.example.com'])('[A5] refuses the wildcard %s and says why', (origin) => {
    expect(linesOfEnv({ SWITCHBOARD_CORS_ORIGINS: origin })[0]).toContain('would let every page on the web');
  });

  it('[H1] parses history rules in order, also for rooms with = and / in their names', () => {
    const SWITCHBOARD_HISTORY = 'chat:*=100/1h,ticker:*=1/10s,a=b/c=7/250ms,*=10000/24d,x=2/3m';
    expect(loadConfig({ env: { SWITCHBOARD_HISTORY } }).history).toEqual([
      { pattern: 'chat:*', size: 100, ttlMs: 3_600_000 },
      { pattern: 'ticker:*', size: 1, ttlMs: 10_000 },
      { pattern: 'a=b/c', size: 7, ttlMs: 250 },
      { pattern: '*', size: 10_000, ttlMs: 24 * 86_400_000 },
      { pattern: 'x', size: 2, ttlMs: 180_000 },
    ]);
  });

  it('[A4] parses API keys', () => {
    const SWITCHBOARD_API_KEYS = `billing:${HASH.toUpperCase()}:read+emit, ops:${HASH}:metrics+metrics`;
    const config = loadConfig({ env: { SWITCHBOARD_API_KEYS } });
    expect(config.apiKeys).toEqual([
      { name: 'billing', sha256: HASH, scopes: ['read', 'emit'] },
      { name: 'ops', sha256: HASH, scopes: ['metrics'] },
    ]);
    expect(config.mode).toBe('secured');
  });

  it.each([
    ['no scope', `a:${HASH}:`],
    ['an unknown scope', `a:${HASH}:read+root`],
    ['a hash that is cut off', `a:${HASH.slice(1)}:read`],
    ['the key in place of its hash', 'a:my-plain-key:read'],
    ['a name twice', `a:${HASH}:read,a:${HASH}:emit`],
  ])('[A4] refuses API keys with %s', (_what, SWITCHBOARD_API_KEYS) => {
    expect(linesOfEnv({ SWITCHBOARD_API_KEYS })).toEqual([
      expect.stringMatching(/^SWITCHBOARD_API_KEYS: expected entry \d to be /),
    ]);
  });

  it.each([
    ['RSA', () => generateKeyPairSync('rsa', { modulusLength: 2048 }).publicKey],
    ['EC', () => generateKeyPairSync('ec', { namedCurve: 'P-384' }).publicKey],
    ['Ed25519', () => generateKeyPairSync('ed25519').publicKey],
  ])('[A1] takes an %s public key, with line breaks or with a literal \\n', (_kind, generate) => {
    const pem = generate().export({ type: 'spki', format: 'pem' }).toString();
    for (const SWITCHBOARD_JWT_PUBLIC_KEY of [pem, pem.replaceAll('\n', '\\n')]) {
      const config = loadConfig({ env: { SWITCHBOARD_JWT_PUBLIC_KEY } });
      expect(config.jwtPublicKey).toBe(pem);
      expect(config.mode).toBe('secured');
    }
  });

  it('[A1] refuses a private key, a weak key and a curve that tokens do not use as the public key', () => {
    const privateKey = generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' });
    const weak = generateKeyPairSync('rsa', { modulusLength: 1024 }).publicKey;
    const otherCurve = generateKeyPairSync('ec', { namedCurve: 'secp256k1' }).publicKey;
    const pems = [
      privateKey.toString(),
      weak.export({ type: 'spki', format: 'pem' }).toString(),
      otherCurve.export({ type: 'spki', format: 'pem' }).toString(),
      '-----BEGIN PUBLIC KEY-----\nnot a key\n-----END PUBLIC KEY-----',
    ];
    for (const pem of pems) {
      const lines = linesOfEnv({ SWITCHBOARD_JWT_PUBLIC_KEY: pem });
      expect(lines).toEqual([
        expect.stringMatching(/^SWITCHBOARD_JWT_PUBLIC_KEY: expected a public key in PEM/),
      ]);
      expect(lines[0]).not.toContain('BEGIN');
    }
  });

  it('[A1] takes a key set over https, and over http on loopback only', () => {
    for (const url of ['https://keys.example/jwks.json', 'http://localhost:8080/jwks', 'http://[::1]/jwks']) {
      expect(loadConfig({ env: { SWITCHBOARD_JWKS_URL: url } })).toMatchObject({
        jwksUrl: url,
        mode: 'secured',
      });
    }
  });
});

describe('how many events may come at once', () => {
  it.each([
    [{}, 200],
    [{ SWITCHBOARD_MAX_ROOMS_PER_SOCKET: '1000' }, 1_072],
    [{ SWITCHBOARD_MAX_ROOMS_PER_SOCKET: '5' }, 200],
    [{ SWITCHBOARD_MAX_ROOMS_PER_SOCKET: '1000', SWITCHBOARD_EVENTS_BURST: '10' }, 10],
  ])('[Q1] with %j is %i: enough to join all rooms, unless the operator says otherwise', (env, burst) => {
    expect(loadConfig({ env })).toMatchObject({ eventsBurst: burst });
  });
});

describe('in-process options', () => {
  it('[C2] win over the environment; what is not given comes from it', () => {
    const config = loadConfig({
      env: { PORT: '4000', SWITCHBOARD_PING_INTERVAL_MS: '1000' },
      options: { port: 0, pingTimeoutMs: undefined },
    });
    expect(config).toMatchObject({ port: 0, pingIntervalMs: 1000, pingTimeoutMs: 20_000 });
  });

  it('[C2] a good option stands in for a bad variable', () => {
    expect(loadConfig({ env: { PORT: 'x' }, options: { port: 1 } }).port).toBe(1);
  });

  it('[C2] take parsed values and the text of the environment alike', () => {
    const until = new Date('2030-01-31T12:00:00Z');
    const apiKeys = [{ name: 'a', sha256: HASH, scopes: ['read'] }] as const;
    const history = [{ pattern: 'chat:*', size: 5, ttlMs: 1000 }];
    const typed: SwitchboardOptions = {
      transports: ['websocket'],
      jwtSecret: SECRET,
      jwtPreviousSecret: SECRET,
      jwtPreviousUntil: until,
      apiKeys,
      history,
    };
    const written: SwitchboardOptions = {
      transports: 'websocket',
      jwtSecret: SECRET,
      jwtPreviousSecret: SECRET,
      jwtPreviousUntil: '2030-01-31t14:00:00+02:00',
      apiKeys: `a:${HASH}:read`,
      history: 'chat:*=5/1s',
    };
    expect(loadConfig({ options: typed })).toEqual(loadConfig({ options: written }));
    expect(loadConfig({ options: typed })).toMatchObject({ jwtPreviousUntil: until, apiKeys, history });
  });

  it('[C2] are named as options in problems, with the type of a value that cannot be shown', () => {
    expect(
      linesOf({ options: untyped({ port: null, open: 'yes', history: {}, logLevel: Symbol('x') }) }),
    ).toEqual([
      'port: expected a whole number from 0 to 65535, got null',
      'open: expected `true` or `false`, got "yes"',
      'history: expected a comma-separated list of pattern=size/ttl, got a value of type object',
      'logLevel: expected one of error, warn, info, debug, verbose, got a value of type symbol',
    ]);
  });

  it('[C2] refuses an option it does not know and suggests the one that was meant', () => {
    expect(linesOf({ options: untyped({ pingInterval: 5, __proto: 1, maxPayloadByte: 1000 }) })).toEqual([
      'pingInterval: expected the name of an option; did you mean pingIntervalMs?',
      '__proto: expected the name of an option',
      'maxPayloadByte: expected the name of an option; did you mean maxPayloadBytes?',
    ]);
  });
});

describe('problems', () => {
  it('[C2] names every problem at once, one line each', () => {
    const error = (() => {
      try {
        return loadConfig({ env: { PORT: 'x', SWITCHBOARD_OPEN: 'x', SWITCHBOARD_NO_SUCH_KEY: 'x' } });
      } catch (thrown) {
        return thrown;
      }
    })();
    expect(error).toBeInstanceOf(ConfigError);
    const { problems, lines, message } = error as ConfigError;
    expect(problems.map((problem) => problem.key)).toEqual([
      'SWITCHBOARD_NO_SUCH_KEY',
      'PORT',
      'SWITCHBOARD_OPEN',
    ]);
    expect(lines).toEqual([
      'SWITCHBOARD_NO_SUCH_KEY: expected the name of a key',
      'PORT: expected a whole number from 0 to 65535, got "x"',
      'SWITCHBOARD_OPEN: expected `true` or `false`, got "x"',
    ]);
    expect(message.split('\n').slice(1)).toEqual(lines);
  });

  it.each([
    ['SWITCHBOARD_PING_INTERVALL_MS', 'SWITCHBOARD_PING_INTERVAL_MS'],
    ['SWITCHBOARD_JWT_SECERT', 'SWITCHBOARD_JWT_SECRET'],
    ['SWITCHBOARD_PING_INTERVAL', 'SWITCHBOARD_PING_INTERVAL_MS'],
    ['SWITCHBOARD_PORT', 'PORT'],
    ['SWITCHBOARD_HOST', 'HOST'],
    ['SWITCHBOARD_redis_url', 'SWITCHBOARD_REDIS_URL'],
  ])('[C2] for the unknown key %s suggests %s', (unknown, meant) => {
    expect(linesOfEnv({ [unknown]: '1' })).toEqual([
      `${unknown}: expected the name of a key; did you mean ${meant}?`,
    ]);
  });

  it('[C2] leaves variables of others alone', () => {
    expect(loadConfig({ env: { PATH: '/bin', PORTS: 'x', MY_SWITCHBOARD_OPEN: 'x' } })).toEqual(loadConfig());
  });

  it('[C2] tells that Kubernetes set the variables of a Service of the same name', () => {
    const env = {
      SWITCHBOARD_PORT: 'tcp://10.0.0.1:3000',
      SWITCHBOARD_SERVICE_HOST: '10.0.0.1',
      SWITCHBOARD_PORT_3000_TCP_ADDR: '10.0.0.1',
    };
    for (const line of linesOfEnv(env)) expect(line).toContain('enableServiceLinks: false');
    expect(linesOfEnv(env)).toHaveLength(3);
  });

  it('[C2] never shows the value of a secret, nor of a key that may hold one by mistake', () => {
    const leaked = 'hunter2-in-clear';
    const sources: ConfigSources = {
      env: {
        SWITCHBOARD_JWT_SECRET: leaked,
        SWITCHBOARD_JWT_PUBLIC_KEY: leaked,
        SWITCHBOARD_JWKS_URL: `https://${leaked}@keys.example`,
        SWITCHBOARD_API_KEYS: `${leaked}:${leaked}:${leaked},${leaked}`,
        SWITCHBOARD_REDIS_URL: `http://:${leaked}@redis.example`,
        SWITCHBOARD_JWT_SECERT: leaked,
        SWITCHBOARD_CORS_ORIGINS: `https://${leaked}@app.example`,
      },
      options: untyped({ jwtPreviousSecret: leaked, secret: leaked }),
    };
    const lines = linesOf(sources);
    expect(lines).toHaveLength(10);
    expect(lines.join('\n')).not.toContain(leaked);
    try {
      loadConfig(sources);
    } catch (error) {
      expect(inspect(error, { depth: null, showHidden: true })).not.toContain(leaked);
    }
  });

  it('[C2] shows other values on one line, shortened to 60 characters and escaped', () => {
    const [line] = linesOfEnv({ SWITCHBOARD_LOG_LEVEL: `a\n\u001b[31m\u202e${'x'.repeat(100)}` });
    expect(line).toMatch(/got "a\\u000a\\u001b\[31m\\u202ex{52}…"$/);
  });

  it('[C2] escapes the name of an unknown key', () => {
    expect(linesOfEnv({ 'SWITCHBOARD_A\nPORT: fine': '1' })[0]).toMatch(
      /^SWITCHBOARD_A\\u000aPORT: fine: expected /,
    );
  });
});

describe('relations between keys', () => {
  it.each(['SWITCHBOARD_JWT_ISSUER', 'SWITCHBOARD_JWT_AUDIENCE'])(
    '[C2] %s is refused where no token is checked',
    (key) => {
      expect(linesOfEnv({ [key]: 'chat' })).toEqual([
        `${key}: expected to stand beside a key that tokens are checked with: ` +
          'SWITCHBOARD_JWT_SECRET, SWITCHBOARD_JWT_PUBLIC_KEY, SWITCHBOARD_JWKS_URL, got "chat"',
      ]);
      const env = { [key]: 'chat', SWITCHBOARD_JWKS_URL: 'https://keys.example' };
      expect(loadConfig({ env }).mode).toBe('secured');
    },
  );

  it.each(['0.0.0.0', '::', '192.168.0.1', 'gateway.example', '127.example'])(
    '[C4] open mode does not listen on %s',
    (HOST) => {
      expect(linesOfEnv({ HOST })).toEqual([
        expect.stringMatching(/^HOST: expected a loopback address in open mode.*SWITCHBOARD_OPEN=true/),
      ]);
    },
  );

  it.each(['localhost', '127.0.0.1', '127.8.9.10', '::1'])('[C4] open mode listens on %s', (HOST) => {
    expect(loadConfig({ env: { HOST } }).mode).toBe('open');
  });

  it('[C4] open mode listens anywhere when SWITCHBOARD_OPEN says so', () => {
    const config = loadConfig({ env: { HOST: '0.0.0.0', SWITCHBOARD_OPEN: 'true' } });
    expect(config).toMatchObject({ host: '0.0.0.0', mode: 'open' });
  });

  it('[C4] secured mode listens anywhere, and SWITCHBOARD_OPEN does not open it', () => {
    const env = { HOST: '0.0.0.0', SWITCHBOARD_OPEN: 'true', SWITCHBOARD_JWT_SECRET: SECRET };
    expect(loadConfig({ env }).mode).toBe('secured');
  });

  it('[C4] a key with a bad value does not also count as missing', () => {
    const lines = linesOfEnv({ HOST: '0.0.0.0', SWITCHBOARD_JWT_SECRET: 'short' });
    expect(lines).toEqual(['SWITCHBOARD_JWT_SECRET: expected at least 32 bytes of text']);
  });

  it('[C2] counts the bytes of a secret, not its characters', () => {
    expect(loadConfig({ env: { SWITCHBOARD_JWT_SECRET: 'ü'.repeat(16) } }).mode).toBe('secured');
    expect(linesOfEnv({ SWITCHBOARD_JWT_SECRET: 'x'.repeat(31) })).toHaveLength(1);
  });

  it('[C2] takes no PEM key for a secret, and says which key is meant', () => {
    const pem = generateKeyPairSync('ed25519').publicKey.export({ type: 'spki', format: 'pem' }).toString();
    for (const key of ['SWITCHBOARD_JWT_SECRET', 'SWITCHBOARD_JWT_PREVIOUS_SECRET']) {
      expect(linesOfEnv({ [key]: pem })).toEqual([
        `${key}: expected a shared secret, not a PEM key: that is for the JWT public key`,
      ]);
    }
  });

  it('[C2] names the entry of a list that is wrong, and what it may be', () => {
    expect(linesOfEnv({ SWITCHBOARD_TRANSPORTS: 'websocket,webtransport' })).toEqual([
      'SWITCHBOARD_TRANSPORTS: expected entry 2 to be one of polling, websocket, got "websocket,webtransport"',
    ]);
  });

  it('[C2] a previous secret needs its end and a present secret', () => {
    expect(linesOfEnv({ SWITCHBOARD_JWT_PREVIOUS_SECRET: SECRET })).toEqual([
      'SWITCHBOARD_JWT_PREVIOUS_UNTIL: expected to be set, because SWITCHBOARD_JWT_PREVIOUS_SECRET is',
      'SWITCHBOARD_JWT_SECRET: expected to be set, because SWITCHBOARD_JWT_PREVIOUS_SECRET is',
    ]);
    expect(linesOfEnv({ SWITCHBOARD_JWT_PREVIOUS_UNTIL: '2030-01-31T12:00:00Z' })).toEqual([
      'SWITCHBOARD_JWT_PREVIOUS_SECRET: expected to be set, because SWITCHBOARD_JWT_PREVIOUS_UNTIL is',
    ]);
  });

  it('[C2] [O3] waits for Redis no longer than a node lives without it', () => {
    const lease = { SWITCHBOARD_NODE_LEASE_MS: '1500' };
    expect(linesOfEnv({ ...lease, SWITCHBOARD_REDIS_TIMEOUT_MS: '2000' })).toEqual([
      'SWITCHBOARD_REDIS_TIMEOUT_MS: expected at most as much as SWITCHBOARD_NODE_LEASE_MS, got 2000',
    ]);
    expect(loadConfig({ env: { ...lease, SWITCHBOARD_REDIS_TIMEOUT_MS: '1500' } }).redisTimeoutMs).toBe(
      1_500,
    );
  });

  it('[C2] more than one worker needs a Redis', () => {
    expect(linesOfEnv({ SWITCHBOARD_WORKERS: '2' })).toEqual([
      'SWITCHBOARD_WORKERS: expected 1, or SWITCHBOARD_REDIS_URL to be set, because workers share their state through it, got 2',
    ]);
    const env = { SWITCHBOARD_WORKERS: '64', SWITCHBOARD_REDIS_URL: 'redis://127.0.0.1' };
    expect(loadConfig({ env }).workers).toBe(64);
    expect(linesOfEnv({ ...env, SWITCHBOARD_WORKERS: '65' })).toHaveLength(1);
  });

  it('[C2] a message that may be sent has to fit the buffer, and each key has the name it was set by', () => {
    expect(
      linesOf({ env: { SWITCHBOARD_MAX_PAYLOAD_BYTES: '2000000' }, options: { maxBufferedBytes: 1000 } }),
    ).toEqual(['maxBufferedBytes: expected at least as much as SWITCHBOARD_MAX_PAYLOAD_BYTES, got 1000']);
    const env = { SWITCHBOARD_MAX_PAYLOAD_BYTES: '1000', SWITCHBOARD_MAX_BUFFERED_BYTES: '1000' };
    expect(loadConfig({ env }).maxBufferedBytes).toBe(1000);
    // The default of the other is no reason to refuse a small one.
    expect(loadConfig({ env: { SWITCHBOARD_MAX_BUFFERED_BYTES: '1000' } }).maxBufferedBytes).toBe(1000);
  });
});

it('[C4] knows the hosts of loopback, in URLs too, and takes no name on trust', () => {
  expect(['LOCALHOST', '[::1]', '0:0:0:0:0:0:0:1', '::ffff:127.0.0.1'].map(isLoopbackHost)).toEqual(
    Array(4).fill(true),
  );
  expect(
    ['', '0.0.0.0', '127.1', 'localhost.evil.example', '::', '::ffff:10.0.0.1'].map(isLoopbackHost),
  ).toEqual(Array(6).fill(false));
});
