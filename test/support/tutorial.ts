/** The steps of `docs/tutorial.md`, run as they are written: files, settings and commands are taken from the page. */
import { execFileSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { freePort } from './free-port.js';
import { ServiceProcess } from './service-process.js';
import { spawnTied } from './tied-process.js';

/** A block of code with a name: a file's, `gateway` for how it is started, `key` for how a key is made. */
interface Block {
  readonly step: number;
  readonly name: string;
  readonly code: string;
}

const HEADING = /^## (\d+)\. /;
const FENCE = /^```\w+ title=(\S+)$/;

function blocksOf(page: string): Block[] {
  const blocks: Block[] = [];
  // Before the first heading stands what all steps need.
  let step = 0;
  let open: { name: string; lines: string[] } | undefined;
  for (const line of page.split('\n')) {
    step = Number(HEADING.exec(line)?.[1] ?? step);
    if (open && line === '```') {
      blocks.push({ step, name: open.name, code: `${open.lines.join('\n')}\n` });
      open = undefined;
    } else if (open) {
      open.lines.push(line);
    } else {
      const name = FENCE.exec(line)?.[1];
      if (name !== undefined) open = { name, lines: [] };
    }
  }
  return blocks;
}

/** The gateway and the desk of the tutorial, at some step of it. */
export class Tutorial {
  private readonly blocks = blocksOf(readFileSync('docs/tutorial.md', 'utf8'));
  private readonly folder = mkdtempSync(join(tmpdir(), 'tutorial-'));
  private key: string | undefined;
  private entry: string | undefined;
  private gateway: ServiceProcess | undefined;
  private desk: ChildProcess | undefined;

  private constructor(
    private readonly gatewayPort: number,
    private readonly deskPort: number,
  ) {}

  static async create(): Promise<Tutorial> {
    return new Tutorial(await freePort(), await freePort());
  }

  /** The numbers of the steps that the page has. */
  get steps(): number[] {
    return [...new Set(this.blocks.map(({ step }) => step))].filter((step) => step > 0);
  }

  get gatewayUrl(): string {
    return `http://127.0.0.1:${this.gatewayPort}`;
  }

  get deskUrl(): string {
    return `http://127.0.0.1:${this.deskPort}`;
  }

  /** Starts both anew as somebody has them who has done all up to this step. */
  async goTo(step: number): Promise<void> {
    await this.stop();
    const done = this.blocks.filter((block) => block.step <= step);
    if (done.some(({ name }) => name === 'key')) this.makeKey(done.find(({ name }) => name === 'key')!.code);
    const settings = done.findLast(({ name }) => name === 'gateway')?.code ?? '';
    const { service } = await ServiceProcess.start({
      PORT: String(this.gatewayPort),
      ...this.settingsIn(settings),
    });
    this.gateway = service;
    const files = new Set(done.map(({ name }) => name).filter((name) => name.includes('.')));
    for (const file of files) {
      const code = done.filter(({ name }) => name === file).map((block) => block.code);
      writeFileSync(join(this.folder, file), this.here(code.join('\n')));
    }
    await this.startDesk();
  }

  /** Ends the desk alone. */
  async stopDesk(): Promise<void> {
    const { desk } = this;
    this.desk = undefined;
    if (!desk) return;
    const ended = once(desk, 'exit');
    desk.kill();
    await ended;
  }

  async stop(): Promise<void> {
    await this.stopDesk();
    this.gateway?.signal('SIGKILL');
    await this.gateway?.ended;
    this.gateway = undefined;
  }

  async end(): Promise<void> {
    await this.stop();
    rmSync(this.folder, { recursive: true, force: true });
  }

  async startDesk(): Promise<void> {
    const env = { PATH: process.env['PATH'], ...(this.key === undefined ? {} : { DESK_KEY: this.key }) };
    const desk = spawnTied(process.execPath, [join(this.folder, 'desk.mjs')], {
      env,
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    this.desk = desk;
    for await (const line of createInterface({ input: desk.stdout! }))
      if (line.includes('the desk is at')) break;
    desk.stdout!.resume();
  }

  private makeKey(command: string): void {
    const [program, ...args] = command.trim().split(' ');
    const printed = execFileSync(program!, args, { encoding: 'utf8' });
    this.key = /^key: *(\S+)$/m.exec(printed)![1];
    this.entry = /^entry: *(\S+)$/m.exec(printed)![1];
  }

  private settingsIn(command: string): Record<string, string> {
    const settings = [...command.matchAll(/(SWITCHBOARD_\w+)='([^']*)'/g)];
    return Object.fromEntries(
      settings.map(([, name, value]) => [name!, this.here(value!).replace('<entry>', this.entry ?? '')]),
    );
  }

  /** The page has the ports of everybody; tests have their own. */
  private here(text: string): string {
    return text
      .replaceAll('127.0.0.1:3000', `127.0.0.1:${this.gatewayPort}`)
      .replaceAll('127.0.0.1:8000', `127.0.0.1:${this.deskPort}`)
      .replaceAll('listen(8000,', `listen(${this.deskPort},`);
  }
}
