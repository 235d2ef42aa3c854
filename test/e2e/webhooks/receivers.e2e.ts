import { spawnSync } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { signatureHeaders } from '../../../src/outbound/signature.js';
import { parseSigningSecret } from '../../../src/config/signing-secret.js';
import { freePort } from '../../support/free-port.js';
import { spawnTied } from '../../support/tied-process.js';
import { until } from '../../support/until.js';

const SECRET = `whsec_${Buffer.alloc(32, 9).toString('base64')}`;
const PAGE = new URL('../../../docs/webhooks.md', import.meta.url);

const RECEIVERS = [
  { language: 'js', file: 'receiver.mjs', command: (path: string) => [process.execPath, path] },
  { language: 'python', file: 'receiver.py', command: (path: string) => ['python3', path] },
  {
    language: 'php',
    file: 'receiver.php',
    command: (path: string, port: number) => ['php', '-S', `127.0.0.1:${port}`, path],
  },
];

const isThere = (program: string): boolean => spawnSync(program, ['--version']).status === 0;

describe.each(RECEIVERS)('the receiver of docs/webhooks.md in $language', ({ language, file, command }) => {
  const isInstalled = language === 'js' || isThere(language === 'php' ? 'php' : 'python3');
  const run = isInstalled || process.env['CI'] ? it : it.skip;
  let folder: string;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'switchboard-receiver-'));
  });
  afterEach(() => rm(folder, { recursive: true }));

  run('[W1] [W3] verifies, drops doubles and orders', async () => {
    const page = await readFile(PAGE, 'utf8');
    const code = new RegExp(`\`\`\`${language}\n([^]*?)\`\`\``).exec(page)![1]!;
    const path = join(folder, file);
    await writeFile(path, code);
    const port = await freePort();
    const env = { PATH: process.env['PATH']!, SECRET, PORT: String(port), STATE: join(folder, 'state.json') };
    const [program, ...args] = command(path, port) as [string, ...string[]];
    const receiver = spawnTied(program, args, { env, stdio: ['ignore', 'pipe', 'ignore'] });
    const lines: string[] = [];
    createInterface({ input: receiver.stdout! }).on('line', (line) => lines.push(line));
    const url = `http://127.0.0.1:${port}/`;
    const post = (body: string, headers: Record<string, string>) =>
      fetch(url, { method: 'POST', body, headers }).then(({ status }) => status);
    const send = (id: string, type: string, data: object, at?: number): Promise<number> => {
      const body = JSON.stringify({ type, timestamp: new Date().toISOString(), data });
      return post(body, { ...signatureHeaders(id, body, [parseSigningSecret(SECRET)!], at) });
    };
    try {
      await until('it answers', () =>
        post('{}', {})
          .then((status) => status === 401)
          .catch(() => false),
      );
      const user = 'ada “ü”';
      expect(await send('a', 'user.online', { user, seq: 5, epoch: 'e' })).toBe(204);
      expect(await send('a', 'user.online', { user, seq: 5, epoch: 'e' })).toBe(204);
      expect(await send('b', 'user.offline', { user, seq: 4, epoch: 'e' })).toBe(204);
      expect(await send('c', 'user.offline', { user, seq: 6, epoch: 'e' })).toBe(204);
      expect(await send('d', 'user.online', { user, seq: 7, epoch: 'e' }, Date.now() - 400_000)).toBe(401);
      expect(
        await post('{"type":"user.online"}', { ...signatureHeaders('e', '{}', [Buffer.alloc(24)]) }),
      ).toBe(401);
      expect(await send('f', 'gateway.started', { seq: 1, epoch: 'f' })).toBe(204);
      expect(await send('g', 'user.online', { user, seq: 2, epoch: 'f' })).toBe(204);
      await until('all is written', () => lines.length >= 3);
      expect(lines).toEqual([`user.online ${user}`, `user.offline ${user}`, `user.online ${user}`]);
    } finally {
      receiver.kill('SIGKILL');
    }
  });
});
