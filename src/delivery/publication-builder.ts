import type { Logger } from '@nestjs/common';
import type { Selection, Target } from '../protocol/publication.js';
import type { Acknowledged, PublicationSink, Published, PublishRequest } from './publish-request.js';

/** Event names and their arguments, as Socket.IO types them: `{ 'chat:line': (text: string) => void }`. */
// `any` is what lets an interface be given for it, as with Socket.IO's own EventsMap.
// oxlint-disable-next-line no-explicit-any
export type EventMap = { [event: string]: any };

/** Any event with any arguments. */
// oxlint-disable-next-line no-explicit-any
export type DefaultEvents = { [event: string]: (...args: any[]) => void };

/** How long to wait for acknowledgements: 1 to 60,000 ms. */
export interface AckOptions {
  readonly timeoutMs: number;
}

type EventName<Events extends EventMap> = keyof Events & string;

/** What is no function has no arguments that could be given. */
type EventArguments<Events extends EventMap, Event extends EventName<Events>> = Events[Event] extends (
  ...args: infer Args
) => unknown
  ? Args
  : never;

/** A publication in the making. Immutable: every step returns a new one, so a prepared target can be kept. */
export class PublicationBuilder<Events extends EventMap> {
  constructor(
    private readonly broadcaster: PublicationSink,
    private readonly logger: Logger,
    private readonly draft: {
      readonly to: Target;
      readonly except?: Selection;
      readonly volatile?: boolean;
    },
  ) {}

  /** Takes rooms, users and sockets off the target. Calls add up. */
  except(selection: Selection): PublicationBuilder<Events> {
    const { except: before = {} } = this.draft;
    return new PublicationBuilder(this.broadcaster, this.logger, {
      ...this.draft,
      except: {
        rooms: [...(before.rooms ?? []), ...(selection.rooms ?? [])],
        users: [...(before.users ?? []), ...(selection.users ?? [])],
        sockets: [...(before.sockets ?? []), ...(selection.sockets ?? [])],
      },
    });
  }

  /** Allows dropping it for a socket that is not ready to be written to. [D5] */
  volatile(): PublicationBuilder<Events> {
    return new PublicationBuilder(this.broadcaster, this.logger, { ...this.draft, volatile: true });
  }

  /** Sends. Local sockets have it on the wire before this returns. */
  emit<Event extends EventName<Events>>(
    event: Event,
    ...args: EventArguments<Events, Event>
  ): Promise<Published> {
    return this.own(event, this.broadcaster.publish(this.request(event, args)));
  }

  /** Sends and waits: `emitWithAck(event, ...args, { timeoutMs })`. [D6] */
  emitWithAck<Event extends EventName<Events>>(
    event: Event,
    ...argsAndOptions: [...args: EventArguments<Events, Event>, options: AckOptions]
  ): Promise<Acknowledged> {
    const args: unknown[] = [...argsAndOptions];
    const options = args.pop() as AckOptions | undefined;
    const timeoutMs = options?.timeoutMs ?? Number.NaN;
    return this.own(event, this.broadcaster.publishWithAck(this.request(event, args), timeoutMs));
  }

  private request(event: string, args: readonly unknown[]): PublishRequest {
    return { ...this.draft, event, args };
  }

  /** Fire-and-forget is common; a refusal that nobody awaits must be seen and must not end the process. */
  private own<T>(event: string, promise: Promise<T>): Promise<T> {
    promise.catch((error: unknown) => {
      const reason = error instanceof Error ? error.message : String(error);
      this.logger.warn('publication refused', { event, reason });
    });
    return promise;
  }
}
