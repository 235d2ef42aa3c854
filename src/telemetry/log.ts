import { ConsoleLogger, type Logger, type LogLevel } from '@nestjs/common';
import { inspect, styleText } from 'node:util';
import { ShownFields, timeText } from './line-parts.js';
import { LineWriter } from './line-writer.js';

/** The levels of SWITCHBOARD_LOG_LEVEL, each with the Nest levels it shows. */
const LEVELS: Readonly<Record<string, LogLevel[]>> = {
  error: ['fatal', 'error'],
  warn: ['fatal', 'error', 'warn'],
  info: ['fatal', 'error', 'warn', 'log'],
  debug: ['fatal', 'error', 'warn', 'log', 'debug'],
  verbose: ['fatal', 'error', 'warn', 'log', 'debug', 'verbose'],
};

/** Nest's level `log` is what everyone else calls info. */
const LEVEL_NAMES: Readonly<Record<LogLevel, string>> = {
  fatal: 'fatal',
  error: 'error',
  warn: 'warn',
  log: 'info',
  debug: 'debug',
  verbose: 'verbose',
};

const LEVEL_STYLES = {
  fatal: 'red',
  error: 'red',
  warn: 'yellow',
  log: 'green',
  debug: 'magenta',
  verbose: 'cyan',
} as const;

/** What Nest itself tells line by line at start; it is there with SWITCHBOARD_LOG_LEVEL=debug. */
const FRAMEWORK_CONTEXTS: ReadonlySet<unknown> = new Set([
  'InstanceLoader',
  'NestApplication',
  'NestFactory',
  'RouterExplorer',
  'RoutesResolver',
  'WebSocketsController',
]);

type Fields = Readonly<Record<string, unknown>>;

const isFields = (value: unknown): value is Fields => typeof value === 'object' && value !== null;

/**
 * The service's logger: Nest's own, with one line per record.
 *
 * Readable: `2026-11-23T10:00:00.000Z info Gateway a user connected socketId=… user=42 …`. As JSON: `level`, `time`,
 * `pid`, `context`, `message` and the fields of the record in one object.
 */
class ServiceLogger extends ConsoleLogger {
  private readonly stdout = new LineWriter(process.stdout, (count) => this.dropped(count));
  private readonly stderr = new LineWriter(process.stderr, (count) => this.dropped(count));
  private readonly isColoured = process.stdout.isTTY === true;
  private readonly shownFields = new ShownFields();
  private last = { level: '', context: '', message: '', text: '' };

  constructor(
    logLevels: LogLevel[],
    private readonly format: 'pretty' | 'json',
  ) {
    super({ logLevels, colors: false });
  }

  override log(message: unknown, ...rest: unknown[]): void {
    const [fields, context] = rest;
    if (FRAMEWORK_CONTEXTS.has(rest.at(-1))) {
      this.debug(message, ...rest);
    } else if (rest.length === 2 && typeof message === 'string' && isFields(fields)) {
      // A message with its fields, as the gateway writes two of for every connection: nothing to be found out.
      if (this.isLevelEnabled('log')) this.stdout.write(this.line(message, String(context), 'log', fields));
    } else {
      super.log(message, ...rest);
    }
  }

  /** Nest logs that it cannot listen and throws it as well; it is told once, by whoever catches it. [C2] */
  override error(message: unknown, ...rest: unknown[]): void {
    if (rest.at(-1) === 'NestApplication') this.debug(message, ...rest);
    else super.error(message, ...rest);
  }

  protected override printMessages(
    messages: unknown[],
    context = '',
    level: LogLevel = 'log',
    stream?: 'stdout' | 'stderr',
    stack?: unknown,
    fields?: Fields,
  ): void {
    const writer = stream === 'stderr' ? this.stderr : this.stdout;
    const details = stack === undefined ? fields : { ...fields, stack };
    for (const message of messages) {
      const text = typeof message === 'string' ? message : inspect(message, { depth: 4 });
      writer.write(this.line(text, context, level, details));
    }
  }

  protected override printStackTrace(): void {}

  /** What a reader that stalled is told when it goes on. */
  private dropped(count: number): string {
    return this.line('log lines were dropped: nobody read them', 'Log', 'warn', { count });
  }

  private line(message: string, context: string, level: LogLevel, fields: Fields = {}): string {
    const time = timeText(Date.now());
    const name = LEVEL_NAMES[level];
    if (this.format === 'json') return jsonLine({ level: name, time, pid: PID, context, message }, fields);
    const shownLevel = this.isColoured ? styleText(LEVEL_STYLES[level], name) : name;
    let line = time + this.start(shownLevel, context, message);
    // Records are plain objects: going through one as it is costs half of listing its keys first.
    let place = 0;
    for (const key in fields) line += this.shownFields.of(place++, key, fields[key]);
    return `${line}\n`;
  }

  /** Text between the time and the fields; lines of one kind often follow one another. */
  private start(level: string, context: string, message: string): string {
    const { last } = this;
    if (last.level === level && last.context === context && last.message === message) return last.text;
    const text = [' ', level, ' ', context, ' ', message].join('');
    this.last = { level, context, message, text };
    return text;
  }
}

const PID = process.pid;

/** What every line has. */
interface LineHead {
  readonly level: string;
  readonly time: string;
  readonly pid: number;
  readonly context: string;
  readonly message: string;
}

/** As `JSON.stringify` of all of it would be, at a third of its price: there may be one for each request of a backend. */
function jsonLine(head: LineHead, fields: Fields): string {
  const { level, time, pid, context, message } = head;
  if ('level' in fields || 'time' in fields || 'pid' in fields || 'context' in fields || 'message' in fields)
    return `${JSON.stringify({ ...fields, ...head })}\n`;
  const rest = JSON.stringify(fields);
  const start = `{"level":"${level}","time":"${time}","pid":${pid},"context":${quoted(context)},"message":${quoted(message)}`;
  return rest === '{}' ? `${start}}\n` : `${start},${rest.slice(1)}\n`;
}

const PLAIN = /^[\w .,:;()=/-]*$/;
const quoted = (text: string): string => (PLAIN.test(text) ? `"${text}"` : JSON.stringify(text));

export function createLogger(level: string, format: 'pretty' | 'json'): ConsoleLogger {
  return new ServiceLogger(LEVELS[level] ?? LEVELS['info']!, format);
}

/** Logs a failure once, with its stack and causes. Failures are for the log only, never for an answer. [E3] */
export function logFailure(logger: Logger, message: string, failure: unknown): void {
  logger.error(`${message}: ${inspect(failure, { depth: 4 })}`);
}
