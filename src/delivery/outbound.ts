import type { NodeAnswers, NodeCommand, NodeQuestion } from '../engine/engine.js';
import type { Publication } from '../protocol/publication.js';
import type { DeliveryWatch } from './delivery-watch.js';

/** An emit of Socket.IO's own `io.to(…).emit()`; it becomes a publication like any other. */
export type DirectEmit = Omit<Publication, 'id' | 'at'>;

/** The part of delivery that knows more than one node, as the adapter uses it. */
export interface Outbound {
  /** Told of what becomes of publications; `undefined` where nobody watches. */
  readonly watch?: DeliveryWatch | undefined;
  /** Whether there may be other nodes. */
  readonly isShared: boolean;
  /** How many publications have been accepted here. */
  readonly accepted: number;
  /** Never throws; what becomes of it is its own business, as with Socket.IO's emit. */
  emit(emitted: DirectEmit, onThisNodeOnly: boolean): void;
  /** The cursor after everything that was published before. */
  readonly cursor: string;
  /** Has the other nodes carry something out; never rejects. */
  command(command: NodeCommand): void;
  /** Emits and asks every recipient for an acknowledgement; never throws or rejects. */
  ask(emitted: DirectEmit, timeoutMs: number, onThisNodeOnly: boolean, heard: AskEvents): void;
  /** Asks the other nodes; rejects with `engine.unavailable`. */
  askNodes(question: NodeQuestion, timeoutMs: number): Promise<NodeAnswers>;
  /** How many nodes there are; those that are known of when shared state is gone. Never rejects. */
  countNodes(): Promise<number>;
}

/** Events of an emit that asks for acknowledgements. */
export interface AskEvents {
  /** How many sockets of this node were asked. */
  countedHere(sockets: number): void;
  /** How many of all others; not told when they could not be. */
  countedElsewhere(sockets: number): void;
  answered(answer: unknown): void;
}
