import { applyDecorators, createParamDecorator, type ExecutionContext } from '@nestjs/common';
import { PATH_METADATA } from '@nestjs/common/internal';
import { ApiHeader } from '../platform/openapi-metadata.js';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { OPEN_ACTOR } from '../access/actor.js';
import type { KeyedRequest } from '../access/api-access.js';
import type { Call } from '../backend/call.js';
import { MAX_IDEMPOTENCY_KEY_LENGTH } from '../backend/idempotency.js';

const KEY_HEADER = 'Idempotency-Key';
const REPLAYED_HEADER = 'Idempotency-Replayed';

/** The request as a call of a command: its actor, its route, and its idempotency key if it has one. */
export const ApiCall = createParamDecorator((_: unknown, context: ExecutionContext): Call => {
  const http = context.switchToHttp();
  const { actor = OPEN_ACTOR, method = '', headers } = http.getRequest<IncomingMessage & KeyedRequest>();
  const call = { actor, method, route: routeOf(context) };
  const key = headers[KEY_HEADER.toLowerCase()];
  if (typeof key !== 'string') return call;
  const response = http.getResponse<ServerResponse>();
  return { ...call, idempotencyKey: key, onReplay: () => void response.setHeader(REPLAYED_HEADER, 'true') };
});

const routes = new WeakMap<object, string>();

/** The path as it is declared, parameters by name: audit lines of one route read the same. */
function routeOf(context: ExecutionContext): string {
  const method = context.getHandler();
  let route = routes.get(method);
  if (route === undefined) {
    const parts = [context.getClass(), method].map((target) =>
      String(Reflect.getMetadata(PATH_METADATA, target)),
    );
    route = `/${parts.flatMap((part) => part.split('/').filter(Boolean)).join('/')}`;
    routes.set(method, route);
  }
  return route;
}

/** Describes the header of a route whose command heeds {@link Call.idempotencyKey}. */
export const TakesIdempotencyKey = (): MethodDecorator =>
  applyDecorators(
    ApiHeader({
      name: KEY_HEADER,
      required: false,
      description:
        'Any text of your own, new for each request. Repeated within 5 minutes with the same body, the request takes ' +
        `effect once and gets its first answer again, with the header \`${REPLAYED_HEADER}: true\`.`,
      schema: { type: 'string', minLength: 1, maxLength: MAX_IDEMPOTENCY_KEY_LENGTH },
    }),
  );
