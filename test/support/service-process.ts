import { type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { Secrets } from './secrets.js';
import { spawnTied } from './tied-process.js';

/** The built service; `npm test` builds it before. */
const MAIN = join(process.cwd(), 'dist', 'main.js');

/** What a process that has ended left behind. */
export interface Ended {
  /** `null` when a signal ended it. */
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

type Environment = Readonly<Record<string, string>>;

/** The gateway as a process of its own, with nothing in its environment but what a test gives it. */
export class ServiceProcess {
  readonly stdout: string[] = [];
  readonly stderr: string[] = [];
  readonly ended: Promise<Ended>;
  private readonly watchers = new Set<() => void>();

  private constructor(
    private readonly process: ChildProcess,
    private readonly isService: boolean,
  ) {
    this.collect(process.stdout!, this.stdout);
    this.collect(process.stderr!, this.stderr);
    // `close` comes after the last line of both streams.
    this.ended = once(process, 'close').then(([code, signal]) => ({
      code: code as number | null,
      signal: signal as NodeJS.Signals | null,
    }));
  }

  /** Runs `node dist/main.js` and waits for nothing. */
  static run(args: readonly string[], env: Environment = {}): ServiceProcess {
    if (!existsSync(MAIN)) throw new Error('dist/main.js is missing: run `npm run build` first');
    const { PATH } = process.env;
    return new ServiceProcess(
      spawnTied(process.execPath, [MAIN, ...args], {
        env: { PATH, ...env },
        stdio: ['ignore', 'pipe', 'pipe'],
      }),
      args.length === 0,
    );
  }

  /** Starts the service on a free port and resolves when it listens. */
  static async start(env: Environment = {}): Promise<{ service: ServiceProcess; url: string }> {
    const service = ServiceProcess.run([], { PORT: '0', ...env });
    const line = await service.line(/listening on http/);
    const [url] = /http:\/\/[\w.:[\]]+/.exec(line)!;
    return { service, url: url.replace('[::1]', 'localhost') };
  }

  /** The first line of stdout that matches, waiting for it. */
  async line(pattern: RegExp): Promise<string> {
    for (;;) {
      const found = this.stdout.find((line) => pattern.test(line));
      if (found !== undefined) return found;
      const exit = this.ended.then(() => 'ended' as const);
      const more = new Promise<'more'>((resolve) => this.watchers.add(() => resolve('more')));
      if ((await Promise.race([more, exit])) === 'ended' && !this.stdout.some((line) => pattern.test(line))) {
        throw new Error(`the service ended without a line like ${pattern}:\n${this.stderr.join('\n')}`);
      }
    }
  }

  signal(signal: NodeJS.Signals): void {
    this.process.kill(signal);
  }

  private collect(stream: NodeJS.ReadableStream, lines: string[]): void {
    createInterface({ input: stream }).on('line', (line) => {
      lines.push(line);
      // Commands print tokens and keys because they are asked to.
      if (this.isService) Secrets.noteLine(line);
      for (const watcher of this.watchers) watcher();
      this.watchers.clear();
    });
  }
}

/** Holds a port of this machine for as long as `use` takes. */
export async function withPortInUse<T>(use: (port: number) => Promise<T>): Promise<T> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  try {
    return await use((server.address() as AddressInfo).port);
  } finally {
    server.close();
  }
}
