/** Requests that a backend repeats because it never saw the answer take effect once. [D7] */
import {
  applyDecorators,
  createParamDecorator,
  Injectable,
  Logger,
  type ExecutionContext,
} from '@nestjs/common';
import { ApiHeader } from '../platform/openapi-metadata.js';
import { createHash } from 'node:crypto';
import type { ServerResponse } from 'node:http';
import { Engine } from '../engine/engine.js';
import type { IdempotentTurn } from '../engine/idempotency.js';
import { logFailure } from '../telemetry/log.js';
import { type ErrorObject, registryCode, SwitchboardError } from '../protocol/errors.js';
import { toProblemError } from '../http/problem.js';

const HEADER = 'Idempotency-Key';
const REPLAYED_HEADER = 'Idempotency-Replayed';

const MAX_KEY_LENGTH = 255;
const PRINTABLE_ASCII = new RegExp(`^[ -~]{1,${MAX_KEY_LENGTH}}$`);

/** A response that is longer is not kept, only that there was one: the memory is for many keys, not for few answers. */
const MAX_KEPT_LENGTH = 1_048_576;

/** A request with a key. */
export interface KeyedCall {
  /** Unique to its caller: another one's is another key. */
  readonly key: string;
  readonly route: string;
  readonly body: unknown;
}

interface IncomingRequest {
  readonly method: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, string | undefined>>;
  readonly body?: unknown;
  readonly caller?: string;
}

/** The key of the request and what it must be the same for; `undefined` when it has none. */
export const IdempotencyKey = createParamDecorator(
  (_: unknown, context: ExecutionContext): KeyedCall | undefined => {
    const { method, url, headers, body, caller = '' } = context.switchToHttp().getRequest<IncomingRequest>();
    const key = headers[HEADER.toLowerCase()];
    if (key === undefined) return undefined;
    if (!PRINTABLE_ASCII.test(key)) {
      throw new SwitchboardError('payload.invalid', {
        errors: [{ path: HEADER, message: `expected 1 to ${MAX_KEY_LENGTH} printable ASCII characters` }],
      });
    }
    // No name of an API key has a colon.
    return { key: `${caller}:${key}`, route: `${method} ${url.split('?', 1)[0]!}`, body };
  },
);

/** Describes the header of a route that takes {@link IdempotencyKey}. */
export const TakesIdempotencyKey = (): MethodDecorator =>
  applyDecorators(
    ApiHeader({
      name: HEADER,
      required: false,
      description:
        'Any text of your own, new for each request. Repeated within 5 minutes with the same body, the request takes ' +
        `effect once and gets its first answer again, with the header \`${REPLAYED_HEADER}: true\`.`,
      schema: { type: 'string', minLength: 1, maxLength: MAX_KEY_LENGTH },
    }),
  );

/** What is kept of the first request. */
type Kept =
  | { readonly status: number; readonly body: object }
  | { readonly error: ErrorObject }
  | { readonly tooLarge: true };

type FirstTurn = Extract<IdempotentTurn, { state: 'first' }>;

/**
 * Carries out the first of several equal requests and answers the others with its response.
 *
 * A failure below 500 is a refusal: nothing took effect, so it is not kept and a repetition is a new attempt. After any
 * other failure it is not known how far the request got. It is kept, because nothing may be sent twice.
 */
@Injectable()
export class Idempotency {
  private readonly logger = new Logger('Api');

  constructor(private readonly engine: Engine) {}

  /**
   * @param work sets the response's status if it is not the route's own
   * @throws SwitchboardError `idempotency.conflict`, `engine.unavailable`, and whatever `work` throws or threw
   */
  async once(
    call: KeyedCall | undefined,
    response: ServerResponse,
    work: () => Promise<object>,
  ): Promise<object> {
    if (!call) return work();
    const turn = await this.engine.idempotency.begin(call.key, fingerprintOf(call));
    switch (turn.state) {
      case 'first':
        return this.carryOut(turn, response, work);
      case 'repeated':
        return replay(JSON.parse(turn.response) as Kept, response);
      case 'conflict':
        throw new SwitchboardError('idempotency.conflict');
    }
  }

  private async carryOut(
    turn: FirstTurn,
    response: ServerResponse,
    work: () => Promise<object>,
  ): Promise<object> {
    let body: object;
    try {
      body = await work();
    } catch (failure) {
      const error = toProblemError(failure);
      await this.own(error.status < 500 ? turn.abandon() : this.keep(turn, { error: error.toObject() }));
      throw failure;
    }
    await this.own(this.keep(turn, { status: response.statusCode, body }));
    return body;
  }

  private keep(turn: FirstTurn, kept: Kept): Promise<void> {
    const text = JSON.stringify(kept);
    return turn.settle(
      text.length <= MAX_KEPT_LENGTH ? text : JSON.stringify({ tooLarge: true } satisfies Kept),
    );
  }

  /** The request has been carried out: it is answered with what became of it, whether that could be kept or not. */
  private async own(kept: Promise<void>): Promise<void> {
    try {
      await kept;
    } catch (failure) {
      logFailure(this.logger, 'the response to a request with an idempotency key was not kept', failure);
    }
  }
}

/** Encoded again it is the same text: it has been JSON before, so nothing is lost and nothing changes its place. */
function replay(kept: Kept, response: ServerResponse): object {
  response.setHeader(REPLAYED_HEADER, 'true');
  if ('error' in kept) throw new SwitchboardError(registryCode(kept.error), kept.error);
  if ('tooLarge' in kept) {
    throw new SwitchboardError('payload.too_large', {
      message: 'the request was carried out, but its response was too large to be kept',
    });
  }
  response.statusCode = kept.status;
  return kept.body;
}

/** The same whatever the order of keys and the white space: clients that repeat a request may encode it anew. */
function fingerprintOf({ route, body }: KeyedCall): string {
  const canonical = JSON.stringify(body, (_, value: unknown) => (isObject(value) ? inOrder(value) : value));
  return createHash('sha256').update(`${route}\n${canonical}`).digest('base64url');
}

const isObject = (value: unknown): value is object =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** `fromEntries` makes a `__proto__` key an entry like any other. */
const inOrder = (value: object): object =>
  Object.fromEntries(Object.entries(value).toSorted(([one], [other]) => (one < other ? -1 : 1)));
