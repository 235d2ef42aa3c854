import type { INestApplication } from '@nestjs/common';
import type { NextFunction, Request, RequestHandler, Response } from 'express';
import type { ServerResponse } from 'node:http';
import { ApiAccess, type KeyedRequest } from '../access/api-access.js';
import { scopeNeededBy } from '../access/api-key.guard.js';
import { answerHalfClosed } from '../http/half-closed.js';
import { OriginPolicy } from '../http/origin-policy.js';
import { sendProblem, toProblemError } from '../http/problem.js';
import { SwitchboardError } from '../protocol/errors.js';
import { listApiRoutes, RouteTable, type ApiRouteDescription } from './api-routes.js';
import { assertNoQuery } from './unread-query.js';

/** What is drained so that the connection can go on; more than that ends it. */
const MAX_DRAINED_BYTES = 65_536;

/**
 * Stands before everything that reads a body under `/v1`: page, route, key and scope are settled from the headers. [Q6]
 *
 * A path that is no route of the API is passed on unread: it may be one of an app that embeds the gateway.
 *
 * @param readBody runs for requests that are let in
 */
export function apiGate(app: INestApplication, readBody: RequestHandler): RequestHandler {
  const routes = new RouteTable(listApiRoutes(app));
  const access = app.get(ApiAccess);
  const policy = app.get(OriginPolicy);
  return (request: Request & KeyedRequest, response: Response, next: NextFunction) => {
    setApiHeaders(response);
    try {
      const route = routeOf(routes, request, response);
      if (route === 'another') return next();
      const refusal = policy.refusalOfApi(request);
      if (refusal) throw refusal;
      if (route === 'not this method') throw new SwitchboardError('method.not_allowed');
      access.admit(request, scopeNeededBy(route.method));
      if (!route.readsQuery) assertNoQuery(request.originalUrl);
    } catch (failure) {
      refuseUnread(request, response, toProblemError(failure));
      return;
    }
    answerHalfClosed(request, response);
    readBody(request, response, next);
  };
}

/** Answers are of the moment, and some of them secret to others. */
export function setApiHeaders(response: ServerResponse): void {
  response.setHeader('Cache-Control', 'no-store');
}

/** Answers without reading the body: a small one is drained, what may be endless ends with its connection. */
export function refuseUnread(
  { headers }: Pick<Request, 'headers'>,
  response: ServerResponse,
  error: SwitchboardError,
): void {
  const isEndless = headers['transfer-encoding'] !== undefined;
  if (isEndless || Number(headers['content-length'] ?? 0) > MAX_DRAINED_BYTES) {
    response.setHeader('Connection', 'close');
  }
  sendProblem(response, error);
}

function routeOf(
  routes: RouteTable<ApiRouteDescription>,
  { method, originalUrl }: Request,
  response: Response,
): ApiRouteDescription | 'another' | 'not this method' {
  const path = pathOf(originalUrl);
  const found = routes.find(method === 'HEAD' ? 'GET' : method, path);
  if (found) return found.route;
  const methods = routes.methodsOf(path);
  if (methods.length === 0) return 'another';
  if (methods.includes('GET')) methods.push('HEAD');
  response.setHeader('Allow', methods.join(', '));
  // Others may have an answer for the page that asks before it sends.
  return method === 'OPTIONS' ? 'another' : 'not this method';
}

/** Without the slash at its end, which Express does not mind. */
function pathOf(url: string): string {
  const [path = ''] = url.split('?', 1);
  return path.length > 1 && path.endsWith('/') ? path.slice(0, -1) : path;
}
