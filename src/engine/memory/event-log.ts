import {
  KEEP_EVENTS_MS,
  MAX_EVENTS_OF_PARTITION,
  PARTITIONS,
  partitionOf,
  type OutboxEvent,
  type OutboxEventType,
} from '../outbox.js';
import { Deque } from './deque.js';

/** What all events may take of this process: they share it with its sockets. */
const MAX_BYTES_OF_PARTITION = 67_108_864 / PARTITIONS;
/** Roughly what an event takes beside texts of its data. */
const EVENT_BYTES = 400;

/** Events of one process by partition, the oldest of which go. */
export class EventLog {
  private readonly partitions = Array.from({ length: PARTITIONS }, () => new Partition());

  /** @param now milliseconds since 1970 */
  constructor(
    readonly epoch: string,
    private readonly now: () => number,
  ) {}

  get last(): readonly number[] {
    return this.partitions.map(({ last }) => last);
  }

  write(type: OutboxEventType, key: string, data: OutboxEvent['data'], bytes = 0): OutboxEvent {
    const partition = partitionOf(key);
    const at = this.now();
    const seq = this.partitions[partition]!.last + 1;
    const event: OutboxEvent = { type, partition, seq, epoch: this.epoch, at, key, data };
    this.partitions[partition]!.push(event, bytes + EVENT_BYTES);
    return event;
  }

  after(partition: number, seq: number, limit: number): OutboxEvent[] {
    return this.partitions[partition]!.after(seq, limit);
  }

  /** The place before the first event since a time. */
  placeBefore(partition: number, sinceMs: number): number {
    return this.partitions[partition]!.placeBefore(sinceMs);
  }

  newestOf(key: string, limit: number): OutboxEvent[] {
    return this.partitions[partitionOf(key)]!.newestOf(key, limit);
  }
}

class Partition {
  last = 0;
  private bytes = 0;
  private readonly events = new Deque<{ readonly event: OutboxEvent; readonly bytes: number }>();

  push(event: OutboxEvent, bytes: number): void {
    this.last = event.seq;
    this.bytes += bytes;
    this.events.push({ event, bytes });
    while (this.events.length > 1 && this.isOver(event.at)) this.bytes -= this.events.shift()!.bytes;
  }

  after(seq: number, limit: number): OutboxEvent[] {
    const from = this.events.firstPlace(({ event }) => event.seq > seq);
    const upTo = Math.min(this.events.length, from + limit);
    const found: OutboxEvent[] = [];
    for (let place = from; place < upTo; place++) found.push(this.events.at(place).event);
    return found;
  }

  placeBefore(sinceMs: number): number {
    const place = this.events.firstPlace(({ event }) => event.at >= sinceMs);
    return place === this.events.length ? this.last : this.events.at(place).event.seq - 1;
  }

  newestOf(key: string, limit: number): OutboxEvent[] {
    const found: OutboxEvent[] = [];
    for (let place = this.events.length - 1; place >= 0 && found.length < limit; place--) {
      const { event } = this.events.at(place);
      if (event.key === key) found.push(event);
    }
    return found;
  }

  private isOver(now: number): boolean {
    const isTooMuch = this.bytes > MAX_BYTES_OF_PARTITION || this.events.length > MAX_EVENTS_OF_PARTITION;
    return isTooMuch || this.events.first!.event.at < now - KEEP_EVENTS_MS;
  }
}
