import { randomBytes } from 'node:crypto';
import type { Trace, TraceLine, TraceSubject } from '../backend/explainer.js';
import type { Traces } from './traces.js';

/** How often the other nodes are asked for their lines. */
const ASK_EVERY_MS = 500;
/** A trace that no node has asked for since is over: the one that read it has gone. */
const FORGOTTEN_AFTER_MS = 5_000;
/** Traces that other nodes may have open here. */
const MAX_FOREIGN = 32;

/** What a node asks the others for while it traces. */
export interface TraceQuestion {
  readonly of: 'trace';
  readonly id: string;
  readonly subject: TraceSubject;
  readonly payloads: boolean;
}

/** A trace of all nodes: the lines of this one as they come, those of the others as they are asked for. [X6] */
export class SharedTrace implements Trace {
  private others: TraceLine[] = [];
  private readonly timer: NodeJS.Timeout;
  private isAsking = false;

  constructor(
    private readonly here: Trace,
    subject: TraceSubject,
    payloads: boolean,
    private readonly wake: () => void,
    private readonly ask: (question: TraceQuestion) => Promise<readonly (readonly TraceLine[])[]>,
  ) {
    const id = randomBytes(9).toString('base64url');
    const question: TraceQuestion = { of: 'trace', id, subject, payloads };
    this.timer = setInterval(() => void this.gather(question), ASK_EVERY_MS).unref();
    void this.gather(question);
  }

  take(): readonly TraceLine[] {
    const { others } = this;
    this.others = [];
    return [...this.here.take(), ...others];
  }

  close(): void {
    clearInterval(this.timer);
    this.here.close();
  }

  /** Never rejects: `ask` owns its failure. */
  private async gather(question: TraceQuestion): Promise<void> {
    if (this.isAsking) return;
    this.isAsking = true;
    const lines = (await this.ask(question)).flat();
    this.isAsking = false;
    if (lines.length === 0) return;
    this.others.push(...lines);
    this.wake();
  }
}

interface Foreign {
  readonly trace: Trace;
  timer: NodeJS.Timeout;
}

/** Traces that other nodes read. */
export class ForeignTraces {
  private readonly open = new Map<string, Foreign>();

  constructor(private readonly traces: Traces) {}

  /** The lines since the last time; the first time begins the trace. */
  take({ id, subject, payloads }: TraceQuestion): readonly TraceLine[] {
    let known = this.open.get(id);
    if (!known) {
      if (this.open.size >= MAX_FOREIGN) return [];
      const trace = this.traces.begin(subject, payloads, () => undefined);
      this.open.set(id, (known = { trace, timer: this.forgetLater(id) }));
    } else {
      clearTimeout(known.timer);
      known.timer = this.forgetLater(id);
    }
    return known.trace.take();
  }

  stop(): void {
    for (const id of this.open.keys()) this.forget(id);
  }

  private forgetLater(id: string): NodeJS.Timeout {
    return setTimeout(() => this.forget(id), FORGOTTEN_AFTER_MS).unref();
  }

  private forget(id: string): void {
    const known = this.open.get(id);
    if (!known) return;
    clearTimeout(known.timer);
    known.trace.close();
    this.open.delete(id);
  }
}
