import { type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { withPortInUse } from '../../support/service-process.js';
import { spawnTied } from '../../support/tied-process.js';
import { until } from '../../support/until.js';

const CHECKOUT = [
  'src',
  'scripts',
  'docs/openapi.json',
  'docs/why',
  'swc.json',
  'nest-cli.json',
  'tsconfig.json',
  'package.json',
];

/** `npm start` without npm: in this checkout, which is built, or in a copy that is not. */
class StartScript {
  output = '';
  readonly ended: Promise<unknown>;
  private readonly child: ChildProcess;

  constructor(folder: string, env: Readonly<Record<string, string>>) {
    const { PATH } = process.env;
    this.child = spawnTied(process.execPath, ['scripts/start.js'], { cwd: folder, env: { PATH, ...env } });
    for (const stream of [this.child.stdout!, this.child.stderr!]) {
      stream.on('data', (text: Buffer) => (this.output += text.toString()));
    }
    this.ended = once(this.child, 'close').then(([code]) => code as unknown);
  }

  says(text: string): Promise<void> {
    return until(`it says ${text}`, () => this.output.includes(text));
  }

  signal(signal: NodeJS.Signals): void {
    this.child.kill(signal);
  }
}

/** What a page asks for by itself, from the same gateway. */
async function assetsOf(url: string, page: string): Promise<string[]> {
  const html = await (await fetch(`${url}${page}`)).text();
  const addresses = [...html.matchAll(/(?:src|href)="(?!https?:|#|data:)([^"]+)"/g)];
  return addresses.map(([, address]) => new URL(address!, `${url}${page}`).pathname);
}

describe('npm start', () => {
  let script: StartScript | undefined;
  let copy: string;

  beforeAll(() => {
    copy = mkdtempSync(join(tmpdir(), 'start-'));
    mkdirSync(join(copy, 'docs'));
    for (const path of CHECKOUT) cpSync(path, join(copy, path), { recursive: true });
    symlinkSync(join(process.cwd(), 'node_modules'), join(copy, 'node_modules'));
  });
  afterEach(async () => {
    script?.signal('SIGKILL');
    await script?.ended;
  });
  afterAll(() => rmSync(copy, { recursive: true, force: true }));

  it('[O5] on a port that is in use says so before anything is built', async () => {
    await withPortInUse(async (port) => {
      script = new StartScript(copy, { PORT: String(port) });
      expect(await script.ended).toBe(1);
      expect(script.output).toContain(`PORT: ${port} on 127.0.0.1 is in use`);
      expect(script.output).not.toContain('building');
      expect(existsSync(join(copy, 'dist'))).toBe(false);
    });
  });

  it('[O5] builds a fresh checkout, says so, and serves; what is in dist stays there', async () => {
    mkdirSync(join(copy, 'dist'));
    writeFileSync(join(copy, 'dist', 'of-a-running-gateway.js'), '');
    script = new StartScript(copy, { PORT: '0' });
    await script.says('listening on http://127.0.0.1:');
    expect(script.output).toMatch(/building …\nbuilt in [\d.]+ s\nstarting; when it listens, open http:/);
    const [, url] = /listening on (http:\S+)/.exec(script.output)!;
    const pages = ['/', '/console', '/docs', '/docs/why/ping_timeout'];
    const others = ['/openapi.json', '/health/ready', '/socket.io/socket.io.min.js'];
    const assets = (await Promise.all(pages.map((page) => assetsOf(url!, page)))).flat();
    expect(assets.length).toBeGreaterThan(10);
    for (const path of [...pages, ...others, ...assets]) {
      expect([path, (await fetch(new URL(path, url))).status]).toEqual([path, 200]);
    }
    expect(existsSync(join(copy, 'dist', 'of-a-running-gateway.js'))).toBe(true);
    script.signal('SIGINT');
    expect(await script.ended).toBe(0);
  }, 180_000);

  it('[O5] of what is built builds nothing', async () => {
    script = new StartScript(copy, { PORT: '0' });
    await script.says('listening on http://127.0.0.1:');
    expect(script.output).not.toContain('building');
    script.signal('SIGINT');
    expect(await script.ended).toBe(0);
  }, 180_000);
});
