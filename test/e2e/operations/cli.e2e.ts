import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { startGateway } from 'switchboard-gateway/testing';
import { everythingIn, refusalOf, SECRET } from '../../support/tokens.js';

const CLI = fileURLToPath(new URL('../../../dist/cli.js', import.meta.url));

interface Outcome {
  readonly exitCode: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs the built command with these variables and none of the machine's own. */
async function run(args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<Outcome> {
  if (!existsSync(CLI)) throw new Error('no dist/cli.js: build first (npm run build)');
  const child = spawn(process.execPath, [CLI, ...args], { env, stdio: ['ignore', 'pipe', 'pipe'] });
  const exited = new Promise<number | null>((resolve) => child.once('exit', resolve));
  const [stdout, stderr, exitCode] = await Promise.all([text(child.stdout), text(child.stderr), exited]);
  return { exitCode, stdout, stderr };
}

const WITH_SECRET = { SWITCHBOARD_JWT_SECRET: SECRET };

describe('switchboard keys create', () => {
  const create = (name: string, scopes: string): Promise<Outcome> =>
    run(['keys', 'create', '--name', name, '--scopes', scopes]);

  it('[A4] prints a key that a gateway with the printed entry lets do what was asked for', async () => {
    const { exitCode, stdout, stderr } = await create('billing', 'read,emit');
    expect([exitCode, stderr]).toEqual([0, '']);
    const [, key, entry] = /^key: +(\S+)\nentry: +(\S+)\n$/.exec(stdout)!;
    expect(entry).not.toContain(key!.slice('sbk_'.length));

    const gateway = await startGateway({ apiKeys: entry! });
    const headers = { authorization: `Bearer ${key}` };
    const news = { to: { all: true }, event: 'news' };
    expect(await gateway.http('GET', '/v1/stats', undefined, headers)).toMatchObject({ status: 200 });
    expect(await gateway.http('POST', '/v1/emit', news, headers)).toMatchObject({ status: 202 });
    expect(await gateway.http('PUT', '/v1/users/ada/block', undefined, headers)).toMatchObject({
      status: 403,
    });
    expect(await gateway.http('GET', '/v1/stats')).toMatchObject({ status: 401 });
    await gateway.close();
  });

  it('[A4] prints another key each time', async () => {
    const [one, two] = await Promise.all([create('a', 'read'), create('a', 'read')]);
    expect(one.stdout).not.toBe(two.stdout);
  });

  it.each([
    ['no name', ['--scopes', 'read'], '--name is required'],
    ['no scopes', ['--name', 'a'], '--scopes is required'],
    ['an unknown scope', ['--name', 'a', '--scopes', 'read,admin'], 'admin is not one of read, emit, manage'],
    ['an empty scope', ['--name', 'a', '--scopes', 'read,'], 'is not one of'],
    ['a name with a colon', ['--name', 'a:b', '--scopes', 'read'], 'expected a name of 1 to 64 letters'],
    ['an unknown option', ['--name', 'a', '--scope', 'read'], '--scope'],
  ])('[A4] with %s prints no key and says what is wrong', async (_, args, problem) => {
    const { exitCode, stdout, stderr } = await run(['keys', 'create', ...args]);
    expect([exitCode, stdout]).toEqual([1, '']);
    expect(stderr).toContain(problem);
    expect(stderr).not.toMatch(/\n\s+at /);
  });
});

describe('switchboard token', () => {
  it('[A1] [A2] prints a token that connects its user with its rights', async () => {
    const { exitCode, stdout, stderr } = await run(
      [
        'token',
        '--user',
        'ada',
        '--caps',
        JSON.stringify([everythingIn('chat:*')]),
        '--info',
        '{"name":"Ada"}',
      ],
      {
        ...WITH_SECRET,
        SWITCHBOARD_JWT_ISSUER: 'https://login.example.com',
        SWITCHBOARD_JWT_AUDIENCE: 'chat',
      },
    );
    expect([exitCode, stderr]).toEqual([0, '']);
    const gateway = await startGateway({
      jwtSecret: SECRET,
      jwtIssuer: 'https://login.example.com',
      jwtAudience: 'chat',
    });
    const client = await gateway.connect({ auth: { token: stdout.trim() } });
    expect(await gateway.registry.getSocket(client.id!)).toMatchObject({
      user: 'ada',
      info: { name: 'Ada' },
    });
    expect(await client.request('room:join', { room: 'chat:1' })).toMatchObject({ ok: true });
    expect(await client.request('room:join', { room: 'lobby' })).toMatchObject({ ok: false });
    await gateway.close();
  });

  it('[A2] [A3] grants nothing and ends when it is told to', async () => {
    const { stdout } = await run(['token', '--user', 'ada', '--ttl', '2s'], WITH_SECRET);
    const gateway = await startGateway({ jwtSecret: SECRET });
    const client = await gateway.connect({ auth: { token: stdout.trim() } });
    expect(await client.request('room:join', { room: 'lobby' })).toMatchObject({ ok: false });
    expect((await client.next('server:disconnect'))[0]).toMatchObject({ code: 'auth.token_expired' });
    await gateway.close();
  });

  it('[A1] is refused by a gateway with another secret', async () => {
    const { stdout } = await run(['token', '--user', 'ada'], WITH_SECRET);
    const gateway = await startGateway({ jwtSecret: `not ${SECRET}` });
    const client = gateway.open({ auth: { token: stdout.trim() } });
    expect(await refusalOf(client)).toMatchObject({ code: 'auth.token_invalid' });
    await gateway.close();
  });

  const bad: [what: string, args: string[], env: Record<string, string>, problem: string][] = [
    ['no secret', ['--user', 'ada'], {}, 'set SWITCHBOARD_JWT_SECRET'],
    ['a short secret', ['--user', 'ada'], { SWITCHBOARD_JWT_SECRET: 'too-short' }, 'at least 32 bytes'],
    ['no user', [], WITH_SECRET, '--user is required'],
    ['a user that is no name', ['--user', 'a\u0001b'], WITH_SECRET, 'sub: expected 1 to 128 characters'],
    ['caps that are no JSON', ['--user', 'ada', '--caps', '{'], WITH_SECRET, '--caps: expected JSON'],
    ['caps of another shape', ['--user', 'ada', '--caps', '{}'], WITH_SECRET, 'caps: expected a list'],
    [
      'a pattern that is none',
      ['--user', 'ada', '--caps', JSON.stringify([everythingIn('a*b')])],
      WITH_SECRET,
      'caps.0.room: expected * only at the end',
    ],
    ['info that is no JSON', ['--user', 'ada', '--info', 'Ada'], WITH_SECRET, '--info: expected JSON'],
    ['a time that is none', ['--user', 'ada', '--ttl', 'soon'], WITH_SECRET, '--ttl: expected'],
  ];

  it.each(bad)('[A1] with %s prints no token and says what is wrong', async (_, args, env, problem) => {
    const { exitCode, stdout, stderr } = await run(['token', ...args], env);
    expect([exitCode, stdout]).toEqual([1, '']);
    expect(stderr).toContain(problem);
    expect(stderr).not.toMatch(/\n\s+at /);
    for (const secret of Object.values(env)) expect(stderr).not.toContain(secret);
  });
});

describe('switchboard', () => {
  it.each([[[]], [['--help']], [['-h']], [['token', '--help']], [['keys', '--help']]])(
    'explains itself with %j',
    async (args) => {
      const { exitCode, stdout } = await run(args);
      expect(exitCode).toBe(0);
      expect(stdout).toContain('switchboard keys create');
      expect(stdout).toContain('switchboard token');
    },
  );

  it.each([[['keys']], [['keys', 'delete']], [['stop']]])('does not know %j', async (args) => {
    const { exitCode, stdout, stderr } = await run(args);
    expect([exitCode, stdout]).toEqual([1, '']);
    expect(stderr).toContain(`unknown command: ${args.join(' ')}`);
  });

  it('start starts the gateway in its own process, which a signal drains', async () => {
    const env = { PORT: '0', PATH: process.env['PATH'] };
    const child = spawn(process.execPath, [CLI, 'start'], { env, stdio: ['ignore', 'pipe', 'pipe'] });
    const exited = new Promise<number | null>((resolve) => child.once('exit', resolve));
    try {
      const url = await new Promise<string>((resolve, reject) => {
        let output = '';
        child.stdout.on('data', (chunk: Buffer) => {
          output += chunk.toString();
          const [, found] = /listening on (http:\S+)/.exec(output) ?? [];
          if (found !== undefined) resolve(found);
        });
        child.once('exit', () => reject(new Error(output)));
      });
      expect((await fetch(`${url}/health/live`)).status).toBe(200);
      child.kill('SIGTERM');
      expect(await exited).toBe(0);
    } finally {
      child.kill('SIGKILL');
    }
  });

  it('[C2] start takes the arguments of the service', async () => {
    const help = await run(['start', '--help']);
    expect([help.exitCode, help.stdout]).toEqual([0, expect.stringContaining('SWITCHBOARD_JWT_SECRET')]);
    const wrong = await run(['start', '--port=80']);
    expect([wrong.exitCode, wrong.stderr]).toEqual([1, expect.stringContaining('--port: no such argument')]);
  });
});
