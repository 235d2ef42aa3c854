/**
 * Serves the API straight from Node's HTTP server, in front of Express. (Decision 0009)
 *
 * What comes as nearly every backend sends it goes the short way; everything unusual, and everything that is no route,
 * goes to Express and Nest, untouched, and is answered there. So nothing has to be understood here twice: compressed,
 * chunked or oversize bodies, conditional requests, odd paths, other methods.
 */
import { Logger, type INestApplication } from '@nestjs/common';
import { ExecutionContextHost } from '@nestjs/core/internal';
import type { IncomingMessage, RequestListener, Server, ServerResponse } from 'node:http';
import { parse as parseQuery } from 'node:querystring';
import type { SwitchboardConfig } from '../config/config.js';
import { SWITCHBOARD_CONFIG } from '../config/config.token.js';
import { SECURITY_HEADERS, setSecurityHeaders } from '../operations/hardening.js';
import { logFailure } from '../telemetry/log.js';
import { readApiRoutes, type ApiRouteEntry, type RoutedRequest } from './direct-routes.js';
import { sendContinue } from '../http/expect-continue.js';
import { answerHalfClosed } from '../http/half-closed.js';
import { setApiHeaders } from './api-gate.js';
import { isPromiseLike } from '../protocol/promise-like.js';
import { assertExactNumbers } from '../protocol/exact-numbers.js';
import { RouteTable } from './api-routes.js';
import { assertNoQuery } from './unread-query.js';
import { FixedHead } from '../platform/fixed-head.js';
import { hasBody, invalidJson, METHODS_WITH_BODY } from './json-body.js';
import { ProblemFilter } from '../http/problem.filter.js';

/** Visible ASCII without `#`: Express reads paths like these as they stand. */
const PLAIN_TARGET = /^\/v1\/[!"$-~]+$/;
const PLAIN_CONTENT_TYPE = /^application\/json(?:; ?charset=utf-8)?$/i;
const BYTE_ORDER_MARK = 0xfeff;

/** Puts the direct routes in front of all that listens for requests so far. */
export function serveApiDirectly(app: INestApplication): void {
  const api = new DirectApi(readApiRoutes(app), app.get<SwitchboardConfig>(SWITCHBOARD_CONFIG));
  const server = app.getHttpServer() as Server;
  const listeners = server.listeners('request') as RequestListener[];
  server.removeAllListeners('request');
  server.on('request', (request, response) => {
    if (api.serve(request, response)) return;
    for (const listener of listeners) listener.call(server, request, response);
  });
}

class DirectApi {
  private readonly logger = new Logger('Api');
  private readonly problems = new ProblemFilter();
  private readonly routes: RouteTable<ApiRouteEntry>;
  private readonly maxBodyBytes: number;

  constructor(routes: readonly ApiRouteEntry[], config: SwitchboardConfig) {
    this.routes = new RouteTable(routes);
    this.maxBodyBytes = Math.min(config.maxPayloadBytes, config.maxBatchBytes);
  }

  /** Whether the request is answered here. If not, nothing has been done to it. */
  serve(request: RoutedRequest, response: ServerResponse): boolean {
    const { method = '', url = '', headers } = request;
    if (headers['if-none-match'] !== undefined || headers['if-modified-since'] !== undefined) return false;
    const queryStart = url.indexOf('?');
    const found = this.routes.findPlain(method, url) ?? this.find(method, url, queryStart);
    if (!found?.route.run) return false;
    const { run, readsQuery } = found.route;
    const readsBody = METHODS_WITH_BODY.has(method) && hasBody(request);
    if (readsBody && !this.isPlainBody(request)) return false;
    request.params = found.params;
    answerHalfClosed(request, response);
    if (!this.isAdmitted(found.route, request, response)) return true;
    if (readsQuery) request.query = parseQuery(queryStart === -1 ? '' : url.slice(queryStart + 1));
    // A request that fails, also in parsing, is answered.
    if (readsBody) {
      sendContinue(response);
      readText(request, (text) => this.answer(run, request, response, text));
    } else this.answer(run, request, response);
    return true;
  }

  private find(
    method: string,
    url: string,
    queryStart: number,
  ): ReturnType<RouteTable<ApiRouteEntry>['find']> {
    if (!PLAIN_TARGET.test(url)) return undefined;
    return this.routes.find(method, queryStart === -1 ? url : url.slice(0, queryStart));
  }

  /** Page, key, scope and query; what is refused has been answered, and nothing of its body read. [Q6] */
  private isAdmitted(route: ApiRouteEntry, request: RoutedRequest, response: ServerResponse): boolean {
    try {
      route.admit?.(request, response);
      if (!route.readsQuery) assertNoQuery(request.url ?? '');
      return true;
    } catch (failure) {
      this.fail(failure, request, response);
      return false;
    }
  }

  /** Of known length, within the limit, and JSON in UTF-8 as it is. */
  private isPlainBody({ headers }: IncomingMessage): boolean {
    return (
      headers['content-encoding'] === undefined &&
      headers['transfer-encoding'] === undefined &&
      Number(headers['content-length']) <= this.maxBodyBytes &&
      PLAIN_CONTENT_TYPE.test(headers['content-type'] ?? '')
    );
  }

  private answer(run: Run, request: RoutedRequest, response: ServerResponse, body?: string): void {
    try {
      if (body !== undefined) request.body = parseBody(body);
      const result = run(request, response);
      if (isPromiseLike(result)) void this.answerLater(result, request, response);
      else sendJson(response, result);
    } catch (failure) {
      this.fail(failure, request, response);
    }
  }

  private async answerLater(
    result: PromiseLike<unknown>,
    request: RoutedRequest,
    response: ServerResponse,
  ): Promise<void> {
    try {
      sendJson(response, await result);
    } catch (failure) {
      this.fail(failure, request, response);
    }
  }

  private fail(failure: unknown, request: RoutedRequest, response: ServerResponse): void {
    try {
      if (!response.headersSent) {
        setSecurityHeaders(response);
        setApiHeaders(response);
      }
      // oxlint-disable-next-line promise/valid-params -- an exception filter, not a promise
      this.problems.catch(failure, new ExecutionContextHost([request, response]));
    } catch (unanswered) {
      logFailure(this.logger, 'a request could not be answered', unanswered);
      response.destroy();
    }
  }
}

type Run = NonNullable<ApiRouteEntry['run']>;
/** A client that goes away before the end gets no answer, and needs none. */
function readText(request: IncomingMessage, done: (text: string) => void): void {
  let whole: Buffer | undefined;
  let chunks: Buffer[] | undefined;
  request.on('data', (chunk: Buffer) => {
    if (!whole) whole = chunk;
    else (chunks ??= [whole]).push(chunk);
  });
  request.on('end', () => done((chunks ? Buffer.concat(chunks) : whole!).toString()));
}

/** As Express's parser in its strict form: an object or an array. */
function parseBody(text: string): unknown {
  let body: unknown;
  try {
    body = JSON.parse(text.charCodeAt(0) === BYTE_ORDER_MARK ? text.slice(1) : text);
  } catch {
    throw invalidJson();
  }
  if (typeof body !== 'object' || body === null) throw invalidJson();
  assertExactNumbers(text);
  return body;
}

/** Flat, as `writeHead` takes them: headers that were never set one by one cost a fraction. */
const EMPTY_HEADERS = [...SECURITY_HEADERS.flat(), 'Cache-Control', 'no-store'];
const JSON_HEAD = new FixedHead([
  ...SECURITY_HEADERS,
  ['Cache-Control', 'no-store'],
  ['Content-Type', 'application/json; charset=utf-8'],
]);

/** Controllers of the API answer with objects, or with nothing. */
function sendJson(response: ServerResponse, body: unknown): void {
  if (body === undefined || response.statusCode === 204) {
    if (response.statusCode !== 204) response.setHeader('Content-Length', 0);
    response.writeHead(response.statusCode, EMPTY_HEADERS).end();
    return;
  }
  JSON_HEAD.send(response, JSON.stringify(body));
}
