import type { OnApplicationShutdown } from '@nestjs/common';
import type { Agent } from 'undici';
import type { SwitchboardConfig } from '../config/config.js';
import { AnswerHandler, type Answered } from './answer-handler.js';
import { ADDRESS_REFUSED, guardedLookup, namesRefusedAddress, type Resolve } from './address-policy.js';

/** A request to a backend: a POST with a JSON body. */
export interface OutboundRequest {
  readonly url: URL;
  readonly body: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** From the first byte to the last, the connection included. */
  readonly timeoutMs: number;
  /** Of the answer's body. */
  readonly maxAnswerBytes: number;
  /** What to do with a longer answer: give it up, or keep its beginning. Default `refuse`. */
  readonly longAnswers?: 'refuse' | 'cut';
  /** Gives the request up. */
  readonly signal?: AbortSignal;
}

/** Why a request got no whole answer. */
export type OutboundFailure =
  'timeout' | 'aborted' | 'address_refused' | 'unreachable' | 'tls' | 'broken' | 'too_large';

/** The result of a request. A redirect is an answer like any other: none is followed. */
export type OutboundResult =
  | Answered
  | {
      readonly kind: 'failed';
      readonly failure: OutboundFailure;
      /** Whether the backend may have got any of it. */
      readonly sent: boolean;
      /** The system's word for it, such as `ECONNREFUSED`; never anything of the request or the answer. */
      readonly reason: string;
    };

/**
 * Limits of the connections to one backend. Each remote handler has 64 requests in flight at the most: several at one
 * host must not wait for each other, a storm of `@connect` for example.
 */
const CONNECTIONS_PER_ORIGIN = 256;
const KEEP_ALIVE_MS = 4_000;
const CONNECT_TIMEOUT_MS = 3_000;
const MAX_HEADER_BYTES = 16_384;

/** Failures to connect: no byte of a request has left. */
const NOT_CONNECTED: ReadonlySet<string> = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EAI_FAIL',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'EADDRNOTAVAIL',
  'ECONNABORTED',
  'UND_ERR_CONNECT_TIMEOUT',
]);

/**
 * The one HTTP client for remote handlers and webhooks. [B7]
 *
 * Connections are pooled and kept alive per origin. Redirects are not followed, certificates are always checked, and
 * link-local and metadata addresses are refused after the host's name was resolved. A request never rejects: its
 * result says what happened. `undici` is loaded with the first request, because most gateways send none.
 */
export class OutboundClient implements OnApplicationShutdown {
  private agent: Promise<Agent> | undefined;

  constructor(
    private readonly config: Pick<SwitchboardConfig, 'outboundCa'>,
    private readonly resolve?: Resolve,
  ) {}

  async post(request: OutboundRequest): Promise<OutboundResult> {
    if (namesRefusedAddress(request.url)) return failed('address_refused', false, ADDRESS_REFUSED);
    try {
      this.agent ??= this.open();
      const agent = await this.agent;
      return await this.send(agent, request);
    } catch (error) {
      return failureOf(error);
    }
  }

  /** Ends idle connections at once and those in use when their requests have ended. */
  async onApplicationShutdown(): Promise<void> {
    const agent = await this.agent;
    this.agent = undefined;
    await agent?.close();
  }

  private async open(): Promise<Agent> {
    const { Agent } = await import('undici');
    return new Agent({
      connections: CONNECTIONS_PER_ORIGIN,
      pipelining: 1,
      keepAliveTimeout: KEEP_ALIVE_MS,
      keepAliveMaxTimeout: 60_000,
      maxHeaderSize: MAX_HEADER_BYTES,
      connect: {
        lookup: guardedLookup(this.resolve),
        timeout: CONNECT_TIMEOUT_MS,
        rejectUnauthorized: true,
        ...(this.config.outboundCa && { ca: this.config.outboundCa }),
      },
    });
  }

  private send(agent: Agent, request: OutboundRequest): Promise<OutboundResult> {
    const { timeoutMs, maxAnswerBytes, longAnswers = 'refuse', signal } = request;
    return new Promise((resolve) => {
      const handler = new AnswerHandler(maxAnswerBytes, longAnswers === 'cut', (result) => {
        clearTimeout(limit);
        signal?.removeEventListener('abort', giveUp);
        if (result.kind === 'answered') resolve(result);
        else if (result.kind === 'too_large') resolve(failed('too_large', true, 'TOO_LARGE'));
        else resolve(failureOf(result.error));
      });
      const limit = setTimeout(() => handler.giveUp(new GivenUp('timeout')), timeoutMs).unref();
      const giveUp = (): void => handler.giveUp(new GivenUp('aborted'));
      signal?.addEventListener('abort', giveUp);
      if (signal?.aborted) giveUp();
      else
        agent.dispatch({ ...requestOf(request), headersTimeout: timeoutMs, bodyTimeout: timeoutMs }, handler);
    });
  }
}

const requestOf = ({ url, headers, body }: OutboundRequest) => ({
  origin: url.origin,
  path: url.pathname + url.search,
  method: 'POST' as const,
  headers: { 'content-type': 'application/json', ...headers },
  body,
});

/** Why a request was ended from here. */
class GivenUp extends Error {
  constructor(readonly why: 'timeout' | 'aborted') {
    super(why);
  }
}

const failed = (failure: OutboundFailure, sent: boolean, reason: string): OutboundResult => ({
  kind: 'failed',
  failure,
  sent,
  reason,
});

function failureOf(error: unknown): OutboundResult {
  if (error instanceof GivenUp) return failed(error.why, true, error.why.toUpperCase());
  const reason = codeOf(error);
  if (reason === ADDRESS_REFUSED) {
    return failed('address_refused', false, ADDRESS_REFUSED);
  }
  if (reason === 'UND_ERR_HEADERS_TIMEOUT' || reason === 'UND_ERR_BODY_TIMEOUT') {
    return failed('timeout', true, 'TIMEOUT');
  }
  if (NOT_CONNECTED.has(reason)) return failed('unreachable', false, reason);
  if (isCertificateProblem(reason)) return failed('tls', false, reason);
  return failed('broken', true, reason);
}

/** Names of OpenSSL's and Node's problems with a certificate or a handshake. */
const isCertificateProblem = (reason: string): boolean =>
  /CERT|SELF_SIGNED|UNABLE_TO|_SSL_|SSL_|TLS_|ALTNAME|EPROTO/.test(reason);

interface Failure {
  readonly name?: unknown;
  readonly code?: unknown;
  readonly cause?: unknown;
  readonly errors?: readonly unknown[];
}

/** The code of a failure, or of the one that caused it: a host with several addresses fails with a list. */
function codeOf(error: unknown): string {
  if (typeof error !== 'object' || error === null) return 'UNKNOWN';
  const { name, code, cause, errors } = error as Failure;
  if (Array.isArray(errors) && errors.length > 0) return codeOf(errors[0]);
  if (typeof code === 'string') return code;
  return cause === undefined ? String(name) : codeOf(cause);
}
