/** A client program of some language: it gets orders as JSON lines and tells what it sees as JSON lines. */
import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { createInterface } from 'node:readline';
import { EventQueue } from 'switchboard-gateway/testing';

/** How a program is told to connect. */
export interface Connecting {
  readonly url: string;
  readonly transport: Transport;
  readonly auth?: { readonly token: string };
  readonly headers?: { readonly authorization: string };
  readonly query?: { readonly token: string };
}

/** `upgrade`: begins with polling and moves to WebSocket. */
export type Transport = 'polling' | 'websocket' | 'upgrade';

export const TRANSPORTS: readonly Transport[] = ['polling', 'websocket', 'upgrade'];

/**
 * A running client program.
 *
 * It tells `connect` [socket ID or null], `connect_error` and `disconnect` [whatever its library says], `answer` [the
 * arguments of an acknowledgement], `cannot` [what its library has no way to do], and each event that it receives. It
 * answers `mirror` with the arguments it came with, and `decode` with its text and the bytes of its Base64 text.
 */
export class ClientProcess {
  readonly events = new EventQueue();
  readonly ended: Promise<void>;
  hasEnded = false;
  private readonly complaints: string[] = [];

  private constructor(
    private readonly child: ChildProcessWithoutNullStreams,
    listener?: (line: string) => void,
  ) {
    createInterface({ input: child.stdout }).on('line', listener ?? ((line) => this.read(line)));
    createInterface({ input: child.stderr }).on('line', (line) => this.complaints.push(line));
    // A program that died takes no orders; that it did is told by `ended`.
    child.stdin.on('error', () => undefined);
    this.ended = new Promise((resolve) => {
      child.once('close', () => {
        this.hasEnded = true;
        resolve();
      });
    });
  }

  /** @param listener gets each line instead, of a program that tells in words of its own */
  static start([program, ...args]: readonly string[], listener?: (line: string) => void): ClientProcess {
    return new ClientProcess(spawn(program!, args, { stdio: 'pipe' }), listener);
  }

  /** What it wrote to its standard error, for the message of a failure. */
  get complaint(): string {
    return this.complaints.slice(-5).join('\n');
  }

  connect(how: Connecting): void {
    this.order({ do: 'connect', how });
  }

  /** Sends an event that asks for an acknowledgement, which is told as `answer`. */
  request(event: string, ...args: unknown[]): void {
    this.order({ do: 'request', event, args });
  }

  async kill(): Promise<void> {
    this.child.kill('SIGKILL');
    await this.ended;
    this.events.close();
  }

  private order(order: object): void {
    this.child.stdin.write(`${JSON.stringify(order)}\n`);
  }

  private read(line: string): void {
    try {
      const { event, args } = JSON.parse(line) as { event: string; args: unknown[] };
      this.events.push(event, args);
    } catch {
      this.complaints.push(line);
    }
  }
}
