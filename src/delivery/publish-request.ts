import type { Receipts } from '../engine/engine.js';
import type { Selection, Target } from '../protocol/publication.js';

/** What to publish and to whom. */
export interface PublishRequest {
  readonly to: Target;
  readonly except?: Selection;
  readonly event: string;
  readonly args: readonly unknown[];
  readonly volatile?: boolean;
  /** The user who sends it, when a client does. */
  readonly user?: string;
}

/** An accepted publication: its ID and how many sockets it was for. */
export interface Published {
  readonly id: string;
  readonly matched: number;
}

/** An accepted publication with every targeted socket's answer. */
export interface Acknowledged extends Receipts {
  readonly id: string;
}

/** Takes publications: the broadcaster, as its builder knows it. */
export interface PublicationSink {
  publish(request: PublishRequest): Promise<Published>;
  publishWithAck(request: PublishRequest, timeoutMs: number): Promise<Acknowledged>;
}
