import { TestDeadlines } from './deadlines.js';

/** One event as it arrived. */
export interface ReceivedEvent {
  readonly event: string;
  readonly args: unknown[];
}

interface Waiting {
  readonly matches: (received: ReceivedEvent) => boolean;
  readonly resolve: (received: ReceivedEvent) => void;
}

/** Keeps every event until a test asks for it, so that none is missed however early it came. */
export class EventQueue {
  private readonly arrived: ReceivedEvent[] = [];
  private readonly waiting = new Set<Waiting>();
  private readonly deadlines = new TestDeadlines();
  /** Everything that ever arrived, in order, taken or not. */
  readonly log: ReceivedEvent[] = [];

  push(event: string, args: unknown[]): void {
    const received = { event, args };
    this.log.push(received);
    for (const each of this.waiting) {
      if (each.matches(received)) {
        this.waiting.delete(each);
        each.resolve(received);
        return;
      }
    }
    this.arrived.push(received);
  }

  /**
   * Takes the next event of this name, waiting for it if it has not come yet.
   *
   * @param timeoutMs how long to wait; the error says what did arrive
   */
  next(event: string, timeoutMs = 10_000): Promise<unknown[]> {
    const index = this.arrived.findIndex((received) => received.event === event);
    if (index >= 0) return Promise.resolve(this.arrived.splice(index, 1)[0]!.args);
    return new Promise((resolve, reject) => {
      const waiting: Waiting = {
        matches: (received) => received.event === event,
        resolve: (received) => {
          lift();
          resolve(received.args);
        },
      };
      const lift = this.deadlines.start(timeoutMs, () => {
        this.waiting.delete(waiting);
        const names = this.log.map((received) => received.event).join(', ');
        reject(new Error(`no "${event}" within ${timeoutMs} ms; arrived so far: ${names || 'nothing'}`));
      });
      this.waiting.add(waiting);
    });
  }

  /** Nothing comes any longer: who still waits, in vain, keeps no timer and so no process alive. */
  close(): void {
    this.deadlines.liftAll();
  }

  /** How many events of this name have arrived and were not taken. */
  pending(event: string): number {
    return this.arrived.filter((received) => received.event === event).length;
  }
}
