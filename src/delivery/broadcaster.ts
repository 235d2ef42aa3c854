import { Logger } from '@nestjs/common';
import type { Target } from '../protocol/publication.js';
import { PublicationBuilder, type DefaultEvents, type EventMap } from './publication-builder.js';
import type { Acknowledged, PublicationSink, Published, PublishRequest } from './publish-request.js';

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
 * The class says what can be asked. `SwitchboardModule` provides the one that sends from this process,
 * `SwitchboardClientModule` of `switchboard-gateway/client` the one that asks a gateway by messages. [N2]
 *
 * @see D1 to D6
 */
export abstract class Broadcaster<Events extends EventMap = DefaultEvents> implements PublicationSink {
  private readonly logger = new Logger(Broadcaster.name);

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
  abstract publish(request: PublishRequest): Promise<Published>;

  /**
   * Publishes and waits for the acknowledgements.
   *
   * @param timeoutMs 1 to 60,000
   * @returns every targeted socket, either with its answer or under `missing`; in the order of arrival
   */
  abstract publishWithAck(request: PublishRequest, timeoutMs: number): Promise<Acknowledged>;

  private builder(to: Target): PublicationBuilder<Events> {
    return new PublicationBuilder<Events>(this, this.logger, { to });
  }
}
