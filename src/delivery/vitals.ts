import type { EventEmitter } from 'node:events';
import { tcpSocketOf } from '../platform/engine-connection.js';
import { countBodies, type Bodies } from '../platform/polling-bodies.js';
import { writtenTo } from './turn-writer.js';

/** How a connection fares, in whole milliseconds of `performance.now()` where it is a time. */
export class Vitals {
  lastReadAt: number;
  /** -1 before the first pong. 2.x clients ping by themselves: then it is their last ping. */
  lastPongAt = -1;
  /** Round trips of pings in ms; -1 before the first one. 2.x clients measure them for themselves. */
  firstTripMs = -1;
  shortestTripMs = -1;
  longestTripMs = -1;
  lastTripMs = -1;
  eventsIn = 0;
  /** Publications and answers that went past the {@link writtenTo turn writer}, and when the last did. */
  eventsPast = 0;
  lastPastAt = -1;
  /** The most that was unsent whenever it was looked at. */
  unsentPeak = 0;
  /** Since when something has been unsent each time it was looked at; -1 while all is sent. */
  behindSince = -1;
  /** What went by polling; `undefined` for a connection that began with WebSocket. */
  bodies: Bodies | undefined;

  constructor(
    readonly openedAt: number,
    private readonly pingIntervalMs: number,
  ) {
    this.lastReadAt = openedAt;
  }

  /** Engine.IO sends a ping its interval after the last pong; what is over that is the way there and back. */
  heard(at: number, isAnswer: boolean): void {
    if (isAnswer) this.measured(Math.max(0, at - this.lastPingAt));
    this.lastPongAt = at;
    this.lastReadAt = at;
  }

  get lastPingAt(): number {
    return (this.lastPongAt === -1 ? this.openedAt : this.lastPongAt) + this.pingIntervalMs;
  }

  private measured(tripMs: number): void {
    if (this.firstTripMs === -1) this.firstTripMs = this.shortestTripMs = this.longestTripMs = tripMs;
    else if (tripMs < this.shortestTripMs) this.shortestTripMs = tripMs;
    else if (tripMs > this.longestTripMs) this.longestTripMs = tripMs;
    this.lastTripMs = tripMs;
  }
}

/** What a look at a connection shows, in ms and bytes; `null` where it is not known. */
export interface VitalSigns {
  readonly lastPongAgoMs: number | null;
  /** Since anything was received or sent. */
  readonly idleMs: number | null;
  readonly eventsIn: number;
  readonly eventsOut: number;
  /** Of its WebSocket, and bodies of polling, which has a TCP connection per request or shares one with others. */
  readonly bytesIn: number | null;
  readonly bytesOut: number | null;
}

const VITALS = Symbol('switchboard.vitals');
const ENGINE_PROTOCOL_OF_V2 = 3;

/** What is read of an Engine.IO connection. */
interface Connection extends EventEmitter {
  readonly protocol: number;
  readonly transport: { readonly name: string };
  [VITALS]?: Vitals;
}

const now = (): number => Math.round(performance.now());

function onHeartbeat(this: Connection): void {
  this[VITALS]?.heard(now(), this.protocol !== ENGINE_PROTOCOL_OF_V2);
}

/** Looks after a connection from now on, with one listener that all connections share. */
export function watchVitals(connection: object, pingIntervalMs: number): void {
  const watched = connection as Connection;
  watched[VITALS] = new Vitals(now(), pingIntervalMs);
  watched.on('heartbeat', onHeartbeat);
  if (watched.transport.name === 'polling') watched[VITALS].bodies = countBodies(watched.transport);
}

/** `undefined` for a connection that nobody looks after. */
export const vitalsOf = (connection: object): Vitals | undefined => (connection as Connection)[VITALS];

/** A client has sent an event. */
export function noteEvent(connection: object): void {
  const vitals = (connection as Connection)[VITALS];
  if (!vitals) return;
  vitals.eventsIn++;
  vitals.lastReadAt = now();
}

/** A publication or an answer was given to Socket.IO itself to be written. */
export function noteSent(connection: object): void {
  const vitals = (connection as Connection)[VITALS];
  if (!vitals) return;
  vitals.eventsPast++;
  vitals.lastPastAt = now();
}

/** So much was unsent when a connection was looked at. */
export function noteUnsent(connection: object, bytes: number): void {
  const vitals = (connection as Connection)[VITALS];
  if (!vitals) return;
  if (bytes === 0) vitals.behindSince = -1;
  else if (vitals.behindSince === -1) vitals.behindSince = now();
  if (bytes > vitals.unsentPeak) vitals.unsentPeak = bytes;
}

/** `null` where neither is known. */
const sumOf = (one: number | undefined, other: number | undefined): number | null =>
  one === undefined && other === undefined ? null : (one ?? 0) + (other ?? 0);

/** How a connection fares, or fared when it ended. */
export function signsOf(connection: object): VitalSigns {
  const vitals = vitalsOf(connection);
  const written = writtenTo(connection);
  const tcpSocket = tcpSocketOf(connection);
  const at = now();
  const lastPingAt = vitals && vitals.lastPingAt <= at ? vitals.lastPingAt : -1;
  return {
    lastPongAgoMs: vitals && vitals.lastPongAt !== -1 ? at - vitals.lastPongAt : null,
    idleMs: vitals ? at - Math.max(vitals.lastReadAt, vitals.lastPastAt, written.at, lastPingAt) : null,
    eventsIn: vitals?.eventsIn ?? 0,
    eventsOut: written.frames + (vitals?.eventsPast ?? 0),
    bytesIn: sumOf(vitals?.bodies?.bytesIn, tcpSocket?.bytesRead),
    bytesOut: sumOf(vitals?.bodies?.bytesOut, tcpSocket?.bytesWritten),
  };
}
