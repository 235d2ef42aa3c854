/** A question to other nodes whose answers are being collected. */
export interface Call {
  /**
   * Waits until all of these nodes have answered, or the time is over. Gives the answers by node; one that did not
   * answer is not in it. Answers that came before this was called count.
   */
  answers(from: ReadonlySet<string>, timeoutMs: number): Promise<ReadonlyMap<string, string>>;
  /** The caller waits no longer. */
  drop(): void;
}

interface OpenCall {
  readonly answers: Map<string, string>;
  from: ReadonlySet<string> | undefined;
  finish: () => void;
}

/**
 * Questions this node has asked. Answers come through the inbox, and so on another connection than the one over which
 * the question was sent: they may be here first.
 */
export class PendingCalls {
  private readonly calls = new Map<string, OpenCall>();

  open(id: string): Call {
    const call: OpenCall = { answers: new Map(), from: undefined, finish: () => undefined };
    this.calls.set(id, call);
    return {
      answers: (from, timeoutMs) =>
        new Promise((resolve) => {
          const timer = setTimeout(() => call.finish(), timeoutMs);
          call.from = from;
          call.finish = () => {
            clearTimeout(timer);
            this.calls.delete(id);
            resolve(call.answers);
          };
          this.finishWhenComplete(call);
        }),
      drop: () => this.calls.delete(id),
    };
  }

  answer(id: string, node: string, text: string): void {
    const call = this.calls.get(id);
    if (call === undefined) return;
    call.answers.set(node, text);
    this.finishWhenComplete(call);
  }

  /** Ends all waiting: whoever has not answered by now will not be heard. */
  stop(): void {
    for (const call of this.calls.values()) call.finish();
    this.calls.clear();
  }

  private finishWhenComplete(call: OpenCall): void {
    if (call.from === undefined) return;
    for (const node of call.from) if (!call.answers.has(node)) return;
    call.finish();
  }
}
