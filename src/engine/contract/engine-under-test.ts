import { randomBytes } from 'node:crypto';
import type { HistoryRule } from '../../config/values.js';
import type { PresenceChange, PresenceState } from '../presence.js';
import type { SocketEntry } from '../../protocol/entries.js';
import type { Publication, Target } from '../../protocol/publication.js';
import type { WantingConfig } from '../wanted-events.js';
import type { Arrival, Engine, NodeCommand, NodeQuestion, NodeHooks } from '../engine.js';
import type { Stamp } from '../log.js';

/** The part of the configuration that the rules of the seam speak of. */
export interface EngineSetup extends WantingConfig {
  readonly history: readonly HistoryRule[];
  readonly recoveryWindowMs: number;
  readonly maxHistoryBytes?: number;
  readonly maxSocketsPerUser?: number;
}

/** A started engine and what a test does with it. */
export interface EngineUnderTest {
  readonly engine: Engine;
  readonly hooks: RecordedHooks;
  /** Lets time pass for the engine: turned on where its clock is injected, waited for where it is real. */
  advance(ms: number): Promise<void>;
  close(): Promise<void>;
}

/** What differs from one engine to the other without being part of the contract. */
export interface EngineTraits {
  /** How long publications and sessions live in the tests: short where {@link EngineUnderTest.advance} takes real time. */
  readonly lifeMs: number;
  /** Whether it can let the five minutes of an idempotency key pass. */
  readonly skipsTime: boolean;
}

export type CreateEngine = (setup: EngineSetup) => Promise<EngineUnderTest>;

/** Records what an engine asks of its process. */
export class RecordedHooks implements NodeHooks {
  readonly takenOver: string[] = [];
  /** Publications that sessions ended without. */
  undelivered = 0;
  readonly commands: NodeCommand[] = [];
  readonly presenceChanges: PresenceChange[] = [];
  readonly presenceStates: PresenceState[] = [];
  readonly watched = new Map<string, readonly string[]>();
  /** Runs while a socket is ended, as its goodbye would. */
  onTakeOver: (socketId: string) => void = () => undefined;
  private readonly stamps = new Map<string, Stamp>();
  private readonly awaited = new Map<string, (stamp: Stamp) => void>();

  arrived({ publication: { id }, stamp }: Arrival): undefined {
    this.stamps.set(id, stamp);
    this.awaited.get(id)?.(stamp);
    this.awaited.delete(id);
  }

  tracksPositions(): boolean {
    return true;
  }

  holds(socketId: string): boolean {
    return [...this.sockets()].some((entry) => entry.socketId === socketId);
  }

  takeOver(socketId: string): undefined {
    this.takenOver.push(socketId);
    this.onTakeOver(socketId);
    return undefined;
  }

  sessionsOver(undelivered: number): void {
    this.undelivered += undelivered;
  }

  async carryOut(command: NodeCommand): Promise<number> {
    this.commands.push(command);
    return 0;
  }

  async answer(question: NodeQuestion): Promise<unknown> {
    return question;
  }

  presence(change: PresenceChange): void {
    this.presenceChanges.push(change);
  }

  presenceState(state: PresenceState): void {
    this.presenceStates.push(state);
  }

  watchedRooms(): Iterable<readonly [room: string, users: readonly string[]]> {
    return this.watched;
  }

  sockets(): Iterable<SocketEntry> {
    return [];
  }

  fenced(): void {
    throw new Error('the engine took this node for dead');
  }

  /** The place a publication came back with. */
  stampOf(id: string): Promise<Stamp> {
    const stamp = this.stamps.get(id);
    return stamp ? Promise.resolve(stamp) : new Promise((resolve) => this.awaited.set(id, resolve));
  }
}

/** Publishes, and waits for the place where it is not known at once. */
export async function publishAndStamp(
  { engine, hooks }: EngineUnderTest,
  publication: Publication,
): Promise<Stamp> {
  const handover = engine.publish(publication);
  await handover.remote;
  return handover.stamp ?? hooks.stampOf(publication.id);
}

/** A name that no other test uses: an engine may keep its state beyond a test. */
export const uniqueName = (start: string): string => `${start}${randomBytes(6).toString('hex')}`;

/** A publication that says of itself which one it is. */
export const publicationTo = (to: Target, more: Partial<Publication> = {}): Publication => {
  const id = uniqueName('p-');
  return { id, event: 'news', args: [id], to, except: {}, volatile: false, ...more };
};
