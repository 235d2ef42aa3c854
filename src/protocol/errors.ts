/**
 * The error registry: every code a client or a backend can get. [E1]
 *
 * A code is never reused and never changes its meaning. `docs/errors.md` is made from this table, and a test
 * fails when the two drift.
 */

/** What the registry holds for one code. */
export interface ErrorDefinition {
  /** HTTP status when the error answers an HTTP request. */
  readonly status: number;
  /** Whether the same request can succeed later without being changed. */
  readonly retryable: boolean;
  /** The default text: what happened, in one sentence. */
  readonly message: string;
  /** What the one who gets it should do. */
  readonly action: string;
}

const define = <const Codes extends Record<string, ErrorDefinition>>(codes: Codes): Codes => codes;

/** Every error code with its text, HTTP status and advice. */
export const ERRORS = define({
  'auth.token_missing': {
    status: 401,
    retryable: false,
    message: 'a token is required',
    action: 'Connect with a token in `auth.token`, an `Authorization: Bearer` header, or (2.x) the query.',
  },
  'auth.token_invalid': {
    status: 401,
    retryable: false,
    message: 'the token is not valid',
    action:
      'Get a new token from your backend. Check key, algorithm, issuer and audience if it keeps failing.',
  },
  'auth.token_expired': {
    status: 401,
    retryable: false,
    message: 'the token has expired',
    action: 'Get a new token and connect again, or send it with `auth:refresh` before the old one ends.',
  },
  'auth.revoked': {
    status: 403,
    retryable: false,
    message: 'the token or its user has been shut out',
    action: 'Do not connect again with this token. A backend has blocked the user or revoked the token.',
  },
  'auth.key_invalid': {
    status: 401,
    retryable: false,
    message: 'a valid API key is required',
    action: 'Send `Authorization: Bearer <key>` with a key that is listed in SWITCHBOARD_API_KEYS.',
  },
  'access.denied': {
    status: 403,
    retryable: false,
    message: 'not allowed',
    action: 'Ask for a token or an API key that grants this. Retrying changes nothing.',
  },
  'origin.refused': {
    status: 403,
    retryable: false,
    message: 'this origin is not allowed',
    action: 'Add the origin of the page to SWITCHBOARD_CORS_ORIGINS.',
  },
  'route.unknown': {
    status: 404,
    retryable: false,
    message: 'no such route',
    action: 'Check method and path against `/openapi.json`.',
  },
  'method.not_allowed': {
    status: 405,
    retryable: false,
    message: 'this path has no such method',
    action: 'Use a method that the header `Allow` names.',
  },
  'payload.invalid': {
    status: 400,
    retryable: false,
    message: 'the payload does not have the expected shape',
    action: 'Correct the fields named in `errors`.',
  },
  'payload.too_large': {
    status: 413,
    retryable: false,
    message: 'the payload is too large',
    action: 'Send less at once. The limit is SWITCHBOARD_MAX_PAYLOAD_BYTES.',
  },
  'payload.compressed': {
    status: 415,
    retryable: false,
    message: 'the body of the request is compressed',
    action: 'Send the body as it is, without `Content-Encoding`. Split what is large into batches.',
  },
  'event.reserved': {
    status: 400,
    retryable: false,
    message: 'this event name is reserved',
    action:
      'Choose another name: not one that Socket.IO reserves, not `exception`, not one that starts with ' +
      '`room:`, `auth:`, `server:` or `socket:`.',
  },
  'event.unknown': {
    status: 404,
    retryable: false,
    message: 'no handler takes this event',
    action: 'Check the event name. To reach other sockets, send `room:emit`.',
  },
  'request.refused': {
    status: 400,
    retryable: false,
    message: 'the app refused the request',
    action: 'Read the message: an app that embeds the gateway has refused the event in its own words.',
  },
  'namespace.unknown': {
    status: 404,
    retryable: false,
    message: 'no such namespace',
    action: 'Check the namespace in the address that the client connects to: nobody serves it.',
  },
  'room.invalid': {
    status: 400,
    retryable: false,
    message: 'this is not a valid room name',
    action: 'Use 1 to 128 characters out of letters, digits and `_ - . : @ / = + #`.',
  },
  'room.not_joined': {
    status: 409,
    retryable: false,
    message: 'this socket is not in the room',
    action: 'Send `room:join` first.',
  },
  'socket.not_found': {
    status: 404,
    retryable: false,
    message: 'no such socket is connected',
    action: 'The socket has gone. Look it up again; a client that reconnects gets a new socket ID.',
  },
  'history.disabled': {
    status: 409,
    retryable: false,
    message: 'this room keeps no history',
    action: 'Join without `meta`, or add a rule for the room to SWITCHBOARD_HISTORY.',
  },
  'explain.disabled': {
    status: 409,
    retryable: false,
    message: 'the flight record is switched off',
    action: 'Set SWITCHBOARD_EXPLAIN_BYTES to more than 0.',
  },
  'limit.rate': {
    status: 429,
    retryable: true,
    message: 'too many events',
    action: 'Wait `retryAfterMs` and send more slowly.',
  },
  'limit.rooms': {
    status: 409,
    retryable: false,
    message: 'this socket is in too many rooms',
    action: 'Leave a room first. The limit is SWITCHBOARD_MAX_ROOMS_PER_SOCKET.',
  },
  'limit.sockets': {
    status: 429,
    retryable: true,
    message: 'too many sockets',
    action: 'Close another connection of this user or address first.',
  },
  'idempotency.conflict': {
    status: 409,
    retryable: false,
    message: 'this idempotency key was used with another body',
    action: 'Use a new `Idempotency-Key` for a new request.',
  },
  kicked: {
    status: 403,
    retryable: false,
    message: 'disconnected by a backend',
    action: 'Do not reconnect unless `retryable` says so.',
  },
  slow_consumer: {
    status: 503,
    retryable: true,
    message: 'too much unsent data',
    action: 'Reconnect and read faster, or join fewer rooms.',
  },
  'server.draining': {
    status: 503,
    retryable: true,
    message: 'the server is going away',
    action:
      'Reconnect after `retryAfterMs`; another node or the restarted one takes over. A handshake is refused with HTTP 403, a WebSocket with 400.',
  },
  'node.stalled': {
    status: 503,
    retryable: true,
    message: 'this node stood still and lost its sockets',
    action: 'Reconnect. The log of the node says for how long its event loop stalled.',
  },
  'engine.unavailable': {
    status: 503,
    retryable: true,
    message: 'the shared state cannot be reached',
    action: 'Retry with backoff. Whether the request took effect is not known.',
  },
  'gateway.unavailable': {
    status: 503,
    retryable: true,
    message: 'the gateway did not answer',
    action:
      'A service that asks by messages gets it. Retry with backoff. Whether it took effect is not known.',
  },
  'handler.failed': {
    status: 502,
    retryable: true,
    message: 'the backend that handles this event failed',
    action: 'Retry once. If it stays, look for `a remote handler failed` in the log of the gateway.',
  },
  'handler.timeout': {
    status: 504,
    retryable: true,
    message: 'the backend that handles this event did not answer in time',
    action: 'Whether it took effect is not known: repeat only what may be repeated.',
  },
  'handler.unavailable': {
    status: 503,
    retryable: true,
    message: 'the backend that handles this event takes no requests at the moment',
    action: 'Retry after `retryAfterMs`.',
  },
  'webhook.unknown': {
    status: 404,
    retryable: false,
    message: 'no webhook endpoint has this name',
    action: 'Use a name of `SWITCHBOARD_WEBHOOKS`.',
  },
  internal: {
    status: 500,
    retryable: true,
    message: 'something went wrong on the server',
    action: 'Retry once. If it stays, look for the logged cause on the server.',
  },
});

/** A code of the error registry. */
export type ErrorCode = keyof typeof ERRORS;

/** A code of a backend that handles events: what it says itself, under `app.`. [B3] */
export type AppErrorCode = `app.${string}`;

/** One thing wrong with an input: where, and what was expected. Never holds the value itself. */
export interface InputIssue {
  readonly path: string;
  readonly message: string;
}

/** The error object as it travels: in an acknowledgement, `exception`, `connect_error` or `server:disconnect`. */
export interface ErrorObject {
  readonly code: ErrorCode | AppErrorCode;
  readonly message: string;
  readonly retryable: boolean;
  readonly retryAfterMs?: number;
  readonly errors?: readonly InputIssue[];
}

/** What can be set on a {@link SwitchboardError} beside its code. */
export interface ErrorDetails {
  /** Replaces the registry's text. Must hold nothing internal and nothing of the payload. */
  readonly message?: string;
  readonly retryable?: boolean;
  readonly retryAfterMs?: number;
  readonly errors?: readonly InputIssue[];
  /** What an app wrote for the client itself: travels as it is, and stands before what the registry says. */
  readonly content?: Readonly<Record<string, unknown>>;
  /** The original failure, for the log only. */
  readonly cause?: unknown;
}

/**
 * A failure with a code of the registry; safe to show to whoever asked.
 *
 * Throw it from a handler, a guard or a connection hook to answer with that code.
 * @see E1
 */
export class SwitchboardError extends Error {
  readonly code: ErrorCode;
  readonly retryable: boolean;
  readonly retryAfterMs?: number;
  readonly errors?: readonly InputIssue[];
  readonly content?: Readonly<Record<string, unknown>>;

  constructor(code: ErrorCode, details: ErrorDetails = {}) {
    super(
      details.message ?? ERRORS[code].message,
      details.cause === undefined ? undefined : { cause: details.cause },
    );
    this.name = 'SwitchboardError';
    this.code = code;
    this.retryable = details.retryable ?? ERRORS[code].retryable;
    if (details.retryAfterMs !== undefined) this.retryAfterMs = details.retryAfterMs;
    if (details.errors !== undefined) this.errors = details.errors;
    if (details.content !== undefined) this.content = details.content;
  }

  /** HTTP status of the code. */
  get status(): number {
    return ERRORS[this.code].status;
  }

  /** The object that travels to a client. */
  toObject(): ErrorObject {
    return {
      code: this.code,
      message: this.message,
      retryable: this.retryable,
      ...(this.retryAfterMs === undefined ? {} : { retryAfterMs: this.retryAfterMs }),
      ...(this.errors === undefined ? {} : { errors: this.errors }),
      ...this.content,
    };
  }
}

/**
 * A refusal in the words of a backend that handles events. Counted as `request.refused`, so that codes that others
 * make up do not become series of metrics; clients get the backend's own code under `app.`. [B3]
 */
export class AppError extends SwitchboardError {
  readonly appCode: AppErrorCode;

  constructor(code: string, message: string, retryable: boolean) {
    super('request.refused', { message, retryable });
    this.appCode = `app.${code}`;
  }

  override toObject(): ErrorObject {
    return { ...super.toObject(), code: this.appCode };
  }
}

/** Whether a string is a code of the registry. */
export const isErrorCode = (code: unknown): code is ErrorCode =>
  typeof code === 'string' && Object.hasOwn(ERRORS, code);

/** The code that an error object is counted as: one of the registry, whatever words a backend's own are. */
export const registryCode = ({ code }: ErrorObject): ErrorCode =>
  isErrorCode(code) ? code : 'request.refused';
