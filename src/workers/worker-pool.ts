import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import type { Socket } from 'node:net';
import type { FromWorker, ToWorker } from './messages.js';
import { opensSession, workerSlotOf } from './session-slot.js';

const FIRST_RESTART_MS = 500;
const MAX_RESTART_MS = 30_000;
/** A worker that lived this long did not die of its start. */
const SETTLED_AFTER_MS = 60_000;
const LISTEN_EVERY_MS = 500;

/** How long a slot stays empty after so many deaths in a row. */
export const restartDelayMs = (deathsInARow: number): number =>
  Math.min(FIRST_RESTART_MS * 2 ** (deathsInARow - 1), MAX_RESTART_MS);

/** What becomes of the workers, for the log. */
export interface PoolEvents {
  died(slot: number, pid: number | undefined, cause: number | string, restartInMs: number): void;
  /** One that takes connections has said nothing for so long that it is ended. */
  hung(slot: number, pid: number | undefined): void;
  /** One that was started in the place of another takes connections. */
  replaced(slot: number, pid: number | undefined): void;
}

/** How to start a worker process. */
export interface WorkerProgram {
  readonly file: string;
  readonly args: (slot: number) => string[];
}

interface Worker {
  readonly slot: number;
  readonly process: ChildProcess;
  readonly startedAt: number;
  isReady: boolean;
  /** What it last told, and what it was given since. */
  sessions: number;
  /** How long it has said nothing, in ms. */
  silentMs: number;
}

/** The worker processes, each in a slot of its own that outlives it. */
export class WorkerPool {
  private readonly slots: (Worker | undefined)[];
  private readonly deathsInARow: number[];
  private readonly pending = new Set<NodeJS.Timeout>();
  private restarts = 0;
  private isUp = false;
  private isEnding = false;
  private listening: NodeJS.Timeout | undefined;
  /** Where the search for a worker begins, so that equals take turns. */
  private next = 0;

  /** @param hungAfterMs how long a worker may say nothing before it is taken for hung and replaced */
  constructor(
    size: number,
    private readonly program: WorkerProgram,
    private readonly hungAfterMs: number,
    private readonly events: PoolEvents,
  ) {
    this.slots = Array.from({ length: size }, () => undefined);
    this.deathsInARow = this.slots.map(() => 0);
  }

  /** Starts all workers. Resolves with whether each takes connections; one that cannot start has said why itself. */
  async start(): Promise<boolean> {
    const started = this.slots.map((_, slot) => this.launch(slot));
    const isUp = (await Promise.all(started)).every(Boolean);
    this.isUp = isUp;
    if (isUp && !this.isEnding) this.listening = setInterval(() => this.listen(), LISTEN_EVERY_MS);
    return isUp;
  }

  /**
   * The worker that a connection with this first request goes to: that of its session; a new session to the worker with the
   * fewest; all else by turns.
   */
  recipient(requestLine: string): ((socket: Socket, head: Buffer) => void) | undefined {
    const slot = workerSlotOf(requestLine);
    const owner = slot === undefined ? undefined : this.slots[slot];
    const isNewSession = slot === undefined && opensSession(requestLine);
    const worker = owner?.isReady ? owner : this.nextReady(isNewSession);
    if (!worker) return undefined;
    return (socket, head) => {
      if (isNewSession) worker.sessions++;
      const message: ToWorker = { type: 'connection', head: head.toString('base64') };
      worker.process.send(message, socket, {}, (failure) => {
        if (failure) socket.destroy();
      });
    };
  }

  /** Passes a signal on, starts none anew, and resolves with whether all ended as they should. */
  async end(signal: NodeJS.Signals): Promise<boolean> {
    this.isEnding = true;
    clearInterval(this.listening);
    for (const timer of this.pending) clearTimeout(timer);
    const ends = this.running().map(async ({ process, isReady }) => {
      const ended = once(process, 'exit');
      process.kill(signal);
      const [code] = (await ended) as [number | null];
      // One that has only just been started may not listen to signals yet, and has nobody to say goodbye to.
      return code === 0 || !isReady;
    });
    return (await Promise.all(ends)).every(Boolean);
  }

  /**
   * Ends workers that hang, so that their clients can go to others; as nodes they were taken for dead long before.
   *
   * Counted are calls, not time by the clock: where all processes stood still, as on a machine that was suspended, nobody
   * has been silent.
   */
  private listen(): void {
    for (const worker of this.running()) {
      worker.silentMs += LISTEN_EVERY_MS;
      if (!worker.isReady || worker.silentMs < this.hungAfterMs) continue;
      worker.isReady = false;
      this.events.hung(worker.slot, worker.process.pid);
      worker.process.kill('SIGKILL');
    }
  }

  private running(): Worker[] {
    return this.slots.filter((worker) => worker !== undefined);
  }

  private nextReady(isNewSession: boolean): Worker | undefined {
    let found: Worker | undefined;
    const { length } = this.slots;
    for (let step = 0; step < length; step++) {
      const worker = this.slots[(this.next + step) % length];
      if (!worker?.isReady) continue;
      if (!found || (isNewSession && worker.sessions < found.sessions)) found = worker;
    }
    if (found) this.next = found.slot + 1;
    return found;
  }

  /** Resolves with whether the worker came to take connections. */
  private launch(slot: number): Promise<boolean> {
    const process = fork(this.program.file, this.program.args(slot));
    const worker: Worker = {
      slot,
      process,
      startedAt: performance.now(),
      isReady: false,
      sessions: 0,
      silentMs: 0,
    };
    this.slots[slot] = worker;
    this.tellRestarts(worker);
    return new Promise((resolve) => {
      process.on('message', (message: FromWorker) => {
        worker.silentMs = 0;
        if (message.type === 'sessions') {
          worker.sessions = message.count;
        } else {
          worker.isReady = true;
          resolve(true);
        }
      });
      // It is on its way out; `exit` tells.
      process.on('error', () => {});
      process.once('exit', (code, signal) => {
        resolve(false);
        this.slots[slot] = undefined;
        // One that never came up at the start stops the start.
        const isToReplace = !this.isEnding && (this.isUp || worker.isReady);
        if (isToReplace) this.replace(worker, code ?? signal ?? 'unknown');
      });
    });
  }

  private replace({ slot, process, startedAt }: Worker, cause: number | string): void {
    const isSettled = performance.now() - startedAt >= SETTLED_AFTER_MS;
    this.deathsInARow[slot] = isSettled ? 1 : this.deathsInARow[slot]! + 1;
    const delayMs = restartDelayMs(this.deathsInARow[slot]);
    this.restarts++;
    this.events.died(slot, process.pid, cause, delayMs);
    const timer = setTimeout(() => {
      this.pending.delete(timer);
      void this.launch(slot).then((isReady) => {
        if (isReady) this.events.replaced(slot, this.slots[slot]?.process.pid);
      });
    }, delayMs);
    this.pending.add(timer);
    for (const worker of this.running()) this.tellRestarts(worker);
  }

  private tellRestarts({ process }: Worker): void {
    const message: ToWorker = { type: 'restarts', count: this.restarts };
    process.send(message, () => {});
  }
}
