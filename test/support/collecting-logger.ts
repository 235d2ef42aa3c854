import type { LoggerService } from '@nestjs/common';

/** One line of the gateway's log, as its logger got it. */
export interface LogLine {
  readonly level: 'log' | 'warn' | 'error' | 'debug';
  readonly message: string;
  /** The object logged beside the message; empty when there was none. */
  readonly fields: Readonly<Record<string, unknown>>;
}

interface Waiting {
  readonly matches: (line: LogLine) => boolean;
  readonly resolve: (line: LogLine) => void;
}

/** Keeps every log line, so that a test can wait for what an operator would see. */
export class CollectingLogger implements LoggerService {
  readonly lines: LogLine[] = [];
  private readonly waiting = new Set<Waiting>();

  log(message: unknown, ...rest: unknown[]): void {
    this.add('log', message, rest);
  }

  warn(message: unknown, ...rest: unknown[]): void {
    this.add('warn', message, rest);
  }

  error(message: unknown, ...rest: unknown[]): void {
    this.add('error', message, rest);
  }

  debug(message: unknown, ...rest: unknown[]): void {
    this.add('debug', message, rest);
  }

  /** The lines with this text and at least these fields. */
  find(message: string, fields: Readonly<Record<string, unknown>> = {}): LogLine[] {
    return this.lines.filter(matching(message, fields));
  }

  /** The first line with this text and at least these fields, logged already or not yet. */
  until(
    message: string,
    fields: Readonly<Record<string, unknown>> = {},
    timeoutMs = 10_000,
  ): Promise<LogLine> {
    const matches = matching(message, fields);
    const logged = this.lines.find(matches);
    if (logged) return Promise.resolve(logged);
    return new Promise((resolve, reject) => {
      const waiting: Waiting = {
        matches,
        resolve: (line) => {
          clearTimeout(timer);
          resolve(line);
        },
      };
      const timer = setTimeout(() => {
        this.waiting.delete(waiting);
        const wanted = `"${message}" ${JSON.stringify(fields)}`;
        reject(
          new Error(`${wanted} was not logged within ${timeoutMs} ms; logged: ${JSON.stringify(this.lines)}`),
        );
      }, timeoutMs);
      this.waiting.add(waiting);
    });
  }

  private add(level: LogLine['level'], message: unknown, rest: unknown[]): void {
    const fields = rest.find((param) => typeof param === 'object' && param !== null) ?? {};
    const line: LogLine = { level, message: String(message), fields: fields as Record<string, unknown> };
    this.lines.push(line);
    for (const waiting of this.waiting) {
      if (!waiting.matches(line)) continue;
      this.waiting.delete(waiting);
      waiting.resolve(line);
    }
  }
}

const matching =
  (message: string, fields: Readonly<Record<string, unknown>>) =>
  (line: LogLine): boolean =>
    line.message === message && Object.entries(fields).every(([key, value]) => line.fields[key] === value);
