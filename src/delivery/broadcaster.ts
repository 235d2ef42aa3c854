import { Injectable, Logger } from '@nestjs/common';
import { SwitchboardError } from '../protocol/errors.js';
import { assertDeliverable } from '../protocol/json.js';
import type { Publication, Target } from '../protocol/publication.js';
import { assertEvent, publicationOf } from './accept.js';
import { PublicationBuilder, type DefaultEvents, type EventMap } from './publication-builder.js';
import type { Acknowledged, PublicationSink, Published, PublishRequest } from './publish-request.js';
import { Publisher } from './publisher.js';

/** Bounds of `timeoutMs` of a publication with acknowledgements. [D6] */
export const MAX_ACK_TIMEOUT_MS = 60_000;

/**
 * Sends to a socket, a user, a room or everyone.
 *
 * ```ts
 * await broadcaster.toUsers('42').emit('invoice:paid', { id: 7 });
 * await broadcaster.toRooms('lobby').except({ users: ['42'] }).volatile().emit('tick', 1);
 * const { responses, missing } = await broadcaster.toAll().emitWithAck('ping?', { timeoutMs: 2000 });
 * ```
 *
 * Delivery to local sockets happens before the call returns, so what one publisher sends in order arrives in order.
 * Give your event map as the type parameter to have names and arguments checked.
 *
 * Errors: `event.reserved`, `payload.invalid` (also for arguments that are no JSON, such as a BigInt, are circular or
 * nested too deep, or have too many binary parts), `engine.unavailable`. A promise nobody awaits is logged when it fails,
 * and never ends the process.
 *
 * @see D1 to D6
 */
@Injectable()
export class Broadcaster<Events extends EventMap = DefaultEvents> implements PublicationSink {
  private readonly logger = new Logger(Broadcaster.name);

  constructor(private readonly publisher: Publisher) {}

  /** Every connected socket. */
  toAll(): PublicationBuilder<Events> {
    return this.builder({ all: true });
  }

  /** Every socket in any of these rooms. No room is nobody. */
  toRooms(...rooms: string[]): PublicationBuilder<Events> {
    return this.builder({ rooms });
  }

  /** Every socket of these users. No user is nobody. */
  toUsers(...users: string[]): PublicationBuilder<Events> {
    return this.builder({ users });
  }

  /** These sockets. No socket is nobody. */
  toSockets(...sockets: string[]): PublicationBuilder<Events> {
    return this.builder({ sockets });
  }

  /**
   * Any union of rooms, users and sockets; a socket in several parts gets the publication once.
   */
  to(target: Target): PublicationBuilder<Events> {
    return this.builder(target);
  }

  /** Publishes; the untyped form of the calls above, for requests that come from outside. */
  async publish(request: PublishRequest): Promise<Published> {
    const publication = this.accept(request);
    const { matched, remote } = this.publisher.send(publication);
    return { id: publication.id, matched: remote ? matched + (await remote).matched : matched };
  }

  /**
   * Publishes and waits for the acknowledgements.
   *
   * @param timeoutMs 1 to 60,000
   * @returns every targeted socket, either with its answer or under `missing`; in the order of arrival
   */
  async publishWithAck(request: PublishRequest, timeoutMs: number): Promise<Acknowledged> {
    if (!Number.isInteger(timeoutMs) || timeoutMs < 1 || timeoutMs > MAX_ACK_TIMEOUT_MS) {
      throw new SwitchboardError('payload.invalid', {
        errors: [
          { path: 'ack.timeoutMs', message: `expected a whole number from 1 to ${MAX_ACK_TIMEOUT_MS}` },
        ],
      });
    }
    const publication = this.accept(request);
    return { id: publication.id, ...(await this.publisher.sendWithAck(publication, timeoutMs)) };
  }

  private builder(to: Target): PublicationBuilder<Events> {
    return new PublicationBuilder<Events>(this, this.logger, { to });
  }

  /** Refuses what must not go out, before anything is sent. */
  private accept(request: PublishRequest): Publication {
    assertEvent(request.event);
    assertDeliverable(request.args);
    return publicationOf(request, this.publisher.nextId());
  }
}
