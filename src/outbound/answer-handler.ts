import type { Dispatcher } from 'undici';

/** A whole answer; the body may be cut off. */
export interface Answered {
  readonly kind: 'answered';
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: Buffer;
}

/** The end of a request: its answer to the last byte, or why there is none. */
export type Ended =
  Answered | { readonly kind: 'too_large' } | { readonly kind: 'failed'; readonly error: unknown };

/**
 * Takes one answer as it arrives, up to a number of bytes. `undici.request` would make a stream, an iterator and a signal for
 * each, which for a small answer is more than the answer.
 *
 * It ends once. What is given up ends at once, and its connection with it.
 */
export class AnswerHandler implements Dispatcher.DispatchHandler {
  private controller: Dispatcher.DispatchController | undefined;
  private status = 0;
  private headers: Answered['headers'] = {};
  private readonly parts: Buffer[] = [];
  private bytes = 0;
  private isOver = false;

  /** @param isCut whether the beginning of a longer answer is enough */
  constructor(
    private readonly maxBytes: number,
    private readonly isCut: boolean,
    private readonly ended: (result: Ended) => void,
  ) {}

  /** Ends the request without an answer, also before it was sent. */
  giveUp(error: unknown): void {
    this.over({ kind: 'failed', error });
    this.controller?.abort(new Error('given up'));
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.controller = controller;
    if (this.isOver) controller.abort(new Error('given up'));
  }

  onResponseStart(
    _: Dispatcher.DispatchController,
    status: number,
    headers: Readonly<Record<string, string | string[] | undefined>>,
  ): void {
    this.status = status;
    this.headers = headers;
  }

  onResponseData(controller: Dispatcher.DispatchController, part: Buffer): void {
    const room = this.maxBytes - this.bytes;
    if (part.length <= room) {
      this.bytes += part.length;
      this.parts.push(part);
      return;
    }
    this.parts.push(part.subarray(0, room));
    this.over(this.isCut ? this.answer() : { kind: 'too_large' });
    // What is not read costs nothing.
    controller.abort(new Error('long enough'));
  }

  onResponseEnd(): void {
    this.over(this.answer());
  }

  onResponseError(_: Dispatcher.DispatchController, error: unknown): void {
    this.over({ kind: 'failed', error });
  }

  private answer(): Ended {
    return { kind: 'answered', status: this.status, headers: this.headers, body: Buffer.concat(this.parts) };
  }

  private over(result: Ended): void {
    if (this.isOver) return;
    this.isOver = true;
    this.ended(result);
  }
}
