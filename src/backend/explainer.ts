import type { JsonValue } from '../protocol/json.js';
import type { ExplainAnswer, ExplainRequest, TopAnswer, TopRequest } from './explain.schemas.js';

/** One line of a live trace. */
export interface TraceLine {
  readonly type: string;
  readonly [field: string]: unknown;
}

/** The subject that a trace follows; exactly one is given. */
export interface TraceSubject {
  readonly user?: string | undefined;
  readonly room?: string | undefined;
  readonly address?: string | undefined;
}

/** What a trace gives its reader. */
export interface Trace {
  /** Takes the lines that have come since; nothing is kept while nobody takes. */
  take(): readonly TraceLine[];
  close(): void;
}

/**
 * The seam between the API and the flight record: why something happened. [X2]
 *
 * An abstract class rather than an interface, so that it is also the injection token.
 */
export abstract class Explainer {
  /**
   * What the record says of a user, a socket, an address or a publication.
   * @throws SwitchboardError `explain.disabled`
   */
  abstract explain(request: ExplainRequest): Promise<ExplainAnswer>;

  /**
   * The heaviest by one measure. [X5]
   * @throws SwitchboardError `explain.disabled`
   */
  abstract top(request: TopRequest): Promise<TopAnswer>;

  /**
   * Begins to follow a subject. [X6]
   * @param wake called when there is something to take
   * @throws SwitchboardError `explain.disabled`
   */
  abstract trace(subject: TraceSubject, payloads: boolean, wake: () => void): Trace;

  /** Answers another node that asks for what is known here alone. */
  abstract answerNode(question: JsonValue): Promise<JsonValue>;
}
