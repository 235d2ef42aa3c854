/** What must not be told of what a test sends: marks that are planted, tokens and keys by their form, payloads. */
import type { ClientOptions } from 'switchboard-gateway/testing';

const MARK = 'planted-and-never-told';

/** A JWT or an API key of ours, wherever it stands. */
const CREDENTIAL = /\beyJ[\w-]{10,}\.[\w-]{10,}\.[\w-]{10,}|\bsbk_[\w-]{43}/;

/** Shorter texts are names and numbers, and stand in records for other reasons. */
const SHORTEST_PAYLOAD = 24;
/** Of a long payload its beginning is enough. */
const COMPARED = 64;
const MAX_PAYLOADS = 500;
const MAX_PUBLICATIONS = 50;
const DEEPEST = 4;

/** Members of requests that name something: those the record may tell. */
const NAMES = new Set(['room', 'rooms', 'user', 'users', 'socket', 'sockets', 'event', 'to', 'except', 'id']);

/** What has been written where nobody could be told of it at once, in logs and by processes. */
const leaks: string[] = [];

export class Secrets {
  /** IDs of what was published through the API. */
  readonly publications: string[] = [];
  private readonly payloads = new Set<string>();

  /** What stands in a text and must not, whatever was sent. */
  static marksIn(text: string): string | undefined {
    if (text.includes(MARK)) return `a planted mark: ${around(text, text.indexOf(MARK))}`;
    const credential = CREDENTIAL.exec(text);
    return credential === null ? undefined : `a token or key: ${around(text, credential.index)}`;
  }

  /** Looks through a line that a gateway writes. */
  static noteLine(line: string): void {
    const found = Secrets.marksIn(line);
    if (found !== undefined) leaks.push(found);
  }

  /** @throws Error that says what lines have told since the last time */
  static assertNoneNoted(): void {
    const [first] = leaks.splice(0);
    if (first !== undefined) throw new Error(`the log tells ${first}`);
  }

  /** The same client with marked headers, and a marked field beside its token or user; not of 2.x, which has a query. */
  planted(options: ClientOptions): ClientOptions {
    const { version = 4, auth, client = {} } = options;
    // What an app's own login is given is the app's, to the field.
    const isMarked = version !== 2 && auth !== undefined && ('token' in auth || 'user' in auth);
    const headers = client['extraHeaders'] as Readonly<Record<string, string>> | undefined;
    return {
      ...options,
      ...(isMarked ? { auth: { ...auth, planted: MARK } } : {}),
      client: { ...client, extraHeaders: { cookie: `planted=${MARK}`, 'x-planted': MARK, ...headers } },
    };
  }

  /** A bare text among them is often the name of something in the app, such as of a room. */
  rememberArguments(args: readonly unknown[]): void {
    for (const each of args) if (typeof each !== 'string') this.remember(each, DEEPEST);
  }

  /** The body of `/v1/emit` or `/v1/batch`. */
  rememberBody(body: unknown): void {
    this.remember(body, DEEPEST);
  }

  /** The answer to it. */
  rememberPublication({ id }: Readonly<Record<string, unknown>>): void {
    if (typeof id === 'string' && this.publications.length < MAX_PUBLICATIONS) this.publications.push(id);
  }

  /** @throws Error that says what is told, and where in the text */
  assertNoneIn(text: string): void {
    const mark = Secrets.marksIn(text);
    if (mark !== undefined) throw new Error(`the gateway tells ${mark}`);
    for (const payload of this.payloads) {
      const index = text.indexOf(payload);
      if (index !== -1) throw new Error(`the gateway tells a payload: ${around(text, index)}`);
    }
  }

  private remember(value: unknown, depth: number): void {
    if (this.payloads.size >= MAX_PAYLOADS || depth === 0) return;
    if (typeof value === 'string') {
      if (value.length >= SHORTEST_PAYLOAD)
        this.payloads.add(JSON.stringify(value.slice(0, COMPARED)).slice(1, -1));
      return;
    }
    if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value)) return;
    for (const [name, member] of Object.entries(value)) {
      if (!NAMES.has(name)) this.remember(member, depth - 1);
    }
  }
}

const around = (text: string, index: number): string => text.slice(Math.max(0, index - 200), index + 200);
