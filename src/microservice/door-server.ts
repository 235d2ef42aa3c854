/** A server of Nest's that takes messages for the gateway; its package is loaded with the first of them. */
import type { MicroserviceOptions } from '@nestjs/microservices';
import type { ServiceAddress } from '../config/service-address.js';
import type { MessageHeaders, MessageReply } from './message-desk.js';

/** Takes the messages of a server. */
export interface MessageTaker {
  ask(pattern: string, data: unknown, headers: MessageHeaders): Promise<MessageReply>;
  tell(pattern: string, data: unknown, headers: MessageHeaders): Promise<void>;
}

/** A server that is open, and how it ends: it stops taking first, then what is under way is answered. [N5] */
export interface DoorServer {
  stopTaking(): Promise<void>;
  close(): Promise<void>;
}

/** What a server is opened with. */
export interface DoorSettings {
  /** As logs and `/health/ready` show it, without credentials. */
  readonly shown: string;
  readonly options: MicroserviceOptions;
  /** Tells nodes apart that claim messages of a broker which gives each to all of them. [N4] */
  readonly node: string;
  readonly taker: MessageTaker;
  readonly onStatus: (isConnected: boolean) => void;
}

/** The queue that all nodes share, where an address names none. [N4] */
export const DEFAULT_QUEUE = 'switchboard';

/** How an address is shown. */
export function shownAddress(address: ServiceAddress): string {
  switch (address.kind) {
    case 'tcp':
      return `tcp://${address.host}:${address.port}`;
    case 'nats':
      return `nats://${address.server}`;
    case 'redis':
      return `redis://${address.host}:${address.port}`;
    case 'amqp':
      return `amqp://${new URL(address.url).host}`;
  }
}
