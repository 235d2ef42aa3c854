import { createHash } from 'node:crypto';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect as connectTcp } from 'node:net';
import { CONFIG_KEY_LIST } from '../../../src/config/keys.js';
import { createClient, type TestClient } from 'switchboard-gateway/testing';
import { RawPolling } from '../../support/raw-clients.js';
import { ServiceProcess, withPortInUse } from '../../support/service-process.js';

const SECRET = 'kumquat-0123456789-0123456789-0123456789';

/** A client in a process of its own, which says when it is connected and then does nothing. */
const CLIENT_PROGRAM = `
  import { io } from 'socket.io-client';
  const socket = io(process.argv[1], { transports: ['websocket'], auth: { user: 'killed' } });
  socket.on('connect', () => process.stdout.write(socket.id));
`;

describe('the service as a process', () => {
  const running: ServiceProcess[] = [];
  const clients: TestClient[] = [];

  const start = async (env: Record<string, string> = {}) => {
    const started = await ServiceProcess.start({ SWITCHBOARD_DRAIN_WINDOW_MS: '100', ...env });
    running.push(started.service);
    return started;
  };
  const connect = async (
    url: string,
    options: Parameters<typeof createClient>[1] = {},
  ): Promise<TestClient> => {
    const client = createClient(url, options);
    clients.push(client);
    await client.next('connect');
    return client;
  };
  const get = async (url: string): Promise<Record<string, unknown>> =>
    (await (await fetch(url)).json()) as Record<string, unknown>;

  afterEach(async () => {
    for (const client of clients.splice(0)) client.close();
    for (const service of running) service.signal('SIGKILL');
    await Promise.all(running.splice(0).map(({ ended }) => ended));
  });

  describe('the command line', () => {
    it.each(['--help', '-h'])('[C1] %s prints every key and exits with 0', async (flag) => {
      const service = ServiceProcess.run([flag]);
      expect(await service.ended).toEqual({ code: 0, signal: null });
      const help = service.stdout.join('\n');
      for (const [, { env }] of CONFIG_KEY_LIST) expect(help).toContain(env);
      expect(service.stderr).toEqual([]);
    });

    it('[C1] --help is there for someone whose configuration is wrong', async () => {
      const service = ServiceProcess.run(['--help'], { PORT: 'no', SWITCHBOARD_NONSENSE: '1' });
      expect(await service.ended).toEqual({ code: 0, signal: null });
    });

    it.each([`--jwt-secret=${SECRET}`, '--port', 'start'])(
      '[C2] the argument %s ends the start: keys are variables, and what is behind a name is not shown',
      async (argument) => {
        const service = ServiceProcess.run(['--check-config', argument]);
        expect(await service.ended).toEqual({ code: 1, signal: null });
        expect(service.stdout).toEqual([]);
        expect(service.stderr).toEqual([
          `${argument.split('=')[0]}: no such argument; --help shows the environment variables to set`,
        ]);
      },
    );

    it('[C2] --check-config exits with 0, says the mode, and starts nothing', async () => {
      await withPortInUse(async (port) => {
        const open = ServiceProcess.run(['--check-config'], { PORT: String(port) });
        expect(await open.ended).toEqual({ code: 0, signal: null });
        expect(open.stdout).toEqual(['configuration is valid: open mode']);
        const secured = ServiceProcess.run(['--check-config'], { SWITCHBOARD_JWT_SECRET: SECRET });
        expect(await secured.ended).toEqual({ code: 0, signal: null });
        expect(secured.stdout).toEqual(['configuration is valid: secured mode']);
        expect([...open.stderr, ...secured.stderr]).toEqual([]);
      });
    });
  });

  describe('a start that cannot be', () => {
    const cases: [string, Record<string, string>, RegExp[]][] = [
      ['a bad value', { PORT: 'http' }, [/^PORT: expected .* got "http"$/]],
      [
        'an unknown key',
        { SWITCHBOARD_PING_INTERVAL: '5' },
        [/^SWITCHBOARD_PING_INTERVAL: expected .*did you mean/],
      ],
      [
        'a non-loopback HOST in open mode',
        { HOST: '0.0.0.0' },
        [/^HOST: expected a loopback address in open mode/],
      ],
      [
        'a broken relation',
        { SWITCHBOARD_MAX_PAYLOAD_BYTES: '2000000', SWITCHBOARD_MAX_BUFFERED_BYTES: '1000000' },
        [/^SWITCHBOARD_MAX_BUFFERED_BYTES: expected at least as much as SWITCHBOARD_MAX_PAYLOAD_BYTES/],
      ],
      [
        'a secret that is too short',
        { SWITCHBOARD_JWT_SECRET: 'kumquat' },
        [/^SWITCHBOARD_JWT_SECRET: expected /],
      ],
      [
        'a secret under a misspelt key',
        { SWITCHBOARD_JWT_SECRT: SECRET },
        [/^SWITCHBOARD_JWT_SECRT: expected .*SWITCHBOARD_JWT_SECRET/],
      ],
      [
        'an API key where its hash belongs',
        { SWITCHBOARD_API_KEYS: `billing:${SECRET}:emit` },
        [/^SWITCHBOARD_API_KEYS: expected /],
      ],
      [
        'several problems',
        { PORT: '-1', SWITCHBOARD_LOG_LEVEL: 'loud', SWITCHBOARD_OPNE: 'true' },
        [/^SWITCHBOARD_OPNE: /, /^PORT: /, /^SWITCHBOARD_LOG_LEVEL: /],
      ],
    ];

    it.each(cases)('[C2] %s: exit code 1 and one line per problem', async (_, env, lines) => {
      const attempts = [[], ['--check-config']].map((args) => ServiceProcess.run(args, env));
      for (const service of attempts) {
        expect(await service.ended).toEqual({ code: 1, signal: null });
        expect(service.stderr).toHaveLength(lines.length);
        for (const line of lines) expect(service.stderr).toContainEqual(expect.stringMatching(line));
        expect(service.stdout).toEqual([]);
        expect(service.stderr.join()).not.toContain('kumquat');
      }
    });

    it('[C2] a port in use: exit code 1 and one line that says which', async () => {
      await withPortInUse(async (port) => {
        for (const SWITCHBOARD_LOG_FORMAT of ['pretty', 'json']) {
          const service = ServiceProcess.run([], { PORT: String(port), SWITCHBOARD_LOG_FORMAT });
          expect(await service.ended).toEqual({ code: 1, signal: null });
          expect(service.stderr).toEqual([
            `PORT: ${port} on 127.0.0.1 is in use; stop what listens there or set another PORT`,
          ]);
        }
      });
    });

    it('[C2] an address that is not this machine’s: exit code 1 and one line', async () => {
      const service = ServiceProcess.run([], { HOST: '192.0.2.1', PORT: '0', SWITCHBOARD_OPEN: 'true' });
      expect(await service.ended).toEqual({ code: 1, signal: null });
      expect(service.stderr).toEqual(['HOST: 192.0.2.1 is not an address of this machine']);
    });
  });

  describe('the log', () => {
    it('[L6] with SWITCHBOARD_LOG_FORMAT=json every line is an object, and a connection is told with its fields', async () => {
      const { service, url } = await start({ SWITCHBOARD_LOG_FORMAT: 'json' });
      const ada = await connect(url, { version: 2, transport: 'polling', auth: { user: 'ada "x" {y}' } });
      const { id } = ada;
      ada.close();
      await service.line(/a user disconnected/);
      service.signal('SIGTERM');
      await service.ended;

      const entries = service.stdout.map((line) => JSON.parse(line) as Record<string, unknown>);
      for (const entry of entries) {
        expect(entry).toMatchObject({
          level: expect.any(String),
          message: expect.anything(),
          pid: expect.any(Number),
        });
      }
      const found = (message: string) => entries.filter((entry) => entry['message'] === message);
      const who = {
        socketId: id,
        user: 'ada "x" {y}',
        transport: 'polling',
        protocol: 3,
        address: '127.0.0.1',
      };
      expect(found('a user connected')).toMatchObject([who]);
      expect(found('a user disconnected')).toMatchObject([
        { ...who, reason: expect.any(String), durationMs: expect.any(Number) },
      ]);
      expect(service.stderr).toEqual([]);
    });

    it('[A4] a secret is in no line, at any level', async () => {
      const { service, url } = await start({
        SWITCHBOARD_JWT_SECRET: SECRET,
        SWITCHBOARD_LOG_LEVEL: 'verbose',
      });
      const refused = createClient(url, { auth: { token: SECRET } });
      clients.push(refused);
      await refused.next('connect_error');
      service.signal('SIGTERM');
      await service.ended;
      expect([...service.stdout, ...service.stderr].join('\n')).not.toContain('kumquat');
    });

    it('[L6] says on which addresses it listens', async () => {
      const secured = {
        SWITCHBOARD_JWT_SECRET: SECRET,
        SWITCHBOARD_API_KEYS: `app:${createHash('sha256').update(SECRET).digest('hex')}:read`,
      };
      const { service } = await start({ ...secured, HOST: '0.0.0.0' });
      await service.line(/listening on http:\/\/0\.0\.0\.0:\d+$/);
    });

    it('[C4] one line says that everyone may do everything', async () => {
      const { service } = await start();
      expect(service.stdout.filter((line) => line.includes('open mode'))).toHaveLength(1);
    });
  });

  describe('signals', () => {
    it.each(['SIGTERM', 'SIGINT'] as const)(
      '[O2] [L7] %s tells every client that the server is going away, then exits with 0',
      async (signal) => {
        const { service, url } = await start();
        const all = await Promise.all([
          connect(url),
          connect(url, { transport: 'polling' }),
          connect(url, { version: 2 }),
          connect(url, { version: 3, transport: 'upgrade' }),
        ]);
        service.signal(signal);
        for (const client of all) {
          const [notice] = await client.next('server:disconnect');
          expect(notice).toEqual({
            code: 'server.draining',
            message: expect.any(String),
            retryable: true,
            retryAfterMs: expect.any(Number),
          });
          // Not `io server disconnect`, after which clients would not come back.
          expect((await client.next('disconnect'))[0]).toMatch(/^transport (close|error)$/);
        }
        expect(await service.ended).toEqual({ code: 0, signal: null });
        expect(service.stderr).toEqual([]);
      },
    );

    it.each(['SIGHUP', 'SIGQUIT', 'SIGUSR2'] as const)(
      '[O2] %s ends neither the service nor a connection, and is logged',
      async (signal) => {
        const { service, url } = await start();
        const client = await connect(url);
        service.signal(signal);
        await service.line(new RegExp(`${signal} changes nothing here`));
        expect(await client.request('socket:info', {})).toMatchObject({ ok: true });
        service.signal('SIGTERM');
        expect(await service.ended).toEqual({ code: 0, signal: null });
      },
    );

    it('[O2] SIGTERM without clients exits with 0', async () => {
      const { service } = await start({ SWITCHBOARD_DRAIN_WINDOW_MS: '600000' });
      service.signal('SIGTERM');
      expect(await service.ended).toEqual({ code: 0, signal: null });
    });

    it('[O2] SIGTERM ends it as soon as its clients have left, however much of the window there is', async () => {
      const { service, url } = await start({
        SWITCHBOARD_DRAIN_WINDOW_MS: '600000',
        SWITCHBOARD_MAX_SOCKETS_PER_USER: '0',
      });
      // Ten a second: nearly a minute for all, were they waited for.
      const clients = await Promise.all(Array.from({ length: 500 }, () => connect(url)));
      service.signal('SIGTERM');
      await service.line(/draining/);
      for (const client of clients) client.close();
      expect(await service.ended).toEqual({ code: 0, signal: null });
    });

    it('[O2] a connection on which no request comes does not keep the process', async () => {
      const { service, url } = await start();
      const silent = connectTcp(Number(new URL(url).port), new URL(url).hostname);
      await once(silent, 'connect');
      // Accepted before this one is answered.
      await fetch(`${url}/health/live`);
      service.signal('SIGTERM');
      expect(await service.ended).toEqual({ code: 0, signal: null });
      silent.destroy();
    });

    it('[O2] a second signal exits at once, whoever has not left yet', async () => {
      const { service, url } = await start({ SWITCHBOARD_DRAIN_WINDOW_MS: '600000' });
      const first = await connect(url);
      // Several batches, so that it has not drained when the second signal comes.
      await Promise.all(Array.from({ length: 60 }, () => connect(url)));
      await RawPolling.connect(url);
      service.signal('SIGTERM');
      await first.next('server:disconnect');
      service.signal('SIGTERM');
      expect(await service.ended).toEqual({ code: 1, signal: null });
    });
  });

  it('[L3] a client process that is killed leaves nothing in the registry', async () => {
    const { service, url } = await start();
    const client = spawn(process.execPath, ['--input-type=module', '-e', CLIENT_PROGRAM, url], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const [id] = (await once(client.stdout, 'data')) as [Buffer];
    await fetch(`${url}/v1/users/killed/rooms/lobby`, { method: 'PUT' });
    expect(await get(`${url}/v1/sockets/${id.toString()}`)).toMatchObject({
      user: 'killed',
      rooms: ['lobby'],
    });
    expect(await get(`${url}/v1/stats`)).toEqual({ sockets: 1, users: 1, rooms: 1, nodes: 1 });

    client.kill('SIGKILL');
    await service.line(/a user disconnected/);
    expect(await get(`${url}/v1/stats`)).toEqual({ sockets: 0, users: 0, rooms: 0, nodes: 1 });
    expect(await get(`${url}/v1/users/killed`)).toMatchObject({ online: false, rooms: [] });
    expect((await fetch(`${url}/v1/sockets/${id.toString()}`)).status).toBe(404);
  });
});
