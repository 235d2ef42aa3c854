/**
 * What clients and backends send in a test is marked, and no gateway may tell it.
 *
 * Every client that is opened through a gateway of the test sends marked headers and a marked field beside its token;
 * payloads are remembered. Before such a gateway closes, all that it would answer about its clients and publications is
 * looked through, and so is each line of its log when it is written, and each line of a service that runs by itself. [X1] [X2]
 */
import type { LoggerService } from '@nestjs/common';
import { TestClient } from '../../src/testing/test-client.js';
import { logQuietGatewaysTo, TestGateway } from '../../src/testing/test-gateway.js';
import { Secrets } from './secrets.js';
import { everythingTold, traceOf } from './told-by-gateway.js';

const secretsOf = new WeakMap<TestGateway, Secrets>();
const secretsOfClient = new WeakMap<TestClient, Secrets>();
const tracesOf = new WeakMap<TestGateway, () => readonly string[]>();

/** Every so many gateways of a file are traced too: a trace changes how deliveries go. */
const TRACED_OF = 4;
let started = 0;

const ofGateway = (gateway: TestGateway): Secrets => {
  let secrets = secretsOf.get(gateway);
  if (!secrets) {
    secretsOf.set(gateway, (secrets = new Secrets()));
    if (started++ % TRACED_OF === 0) tracesOf.set(gateway, traceOf(gateway.app));
  }
  return secrets;
};

const write = (...line: unknown[]): void =>
  Secrets.noteLine(line.map((part) => JSON.stringify(part) ?? '').join(' '));
const log: LoggerService = {
  log: write,
  warn: write,
  error: write,
  debug: write,
  verbose: write,
  fatal: write,
};
logQuietGatewaysTo(log);

const { open, http, close } = TestGateway.prototype;

TestGateway.prototype.open = function (this: TestGateway, options = {}) {
  const secrets = ofGateway(this);
  const client = open.call(this, secrets.planted(options));
  secretsOfClient.set(client, secrets);
  return client;
};

TestGateway.prototype.http = async function (this: TestGateway, method, path, body, headers) {
  const secrets = ofGateway(this);
  const isPublished = method === 'POST' && /^\/v1\/(?:emit|batch)$/.test(path);
  if (isPublished) secrets.rememberBody(body);
  const answer = await http.call(this, method, path, body, headers);
  if (isPublished) secrets.rememberPublication(answer.body as Readonly<Record<string, unknown>>);
  return answer;
} as typeof http;

TestGateway.prototype.close = async function (this: TestGateway) {
  const secrets = secretsOf.get(this);
  const told = secrets ? await everythingTold(this.app, secrets.publications) : [];
  const traced = tracesOf.get(this)?.() ?? [];
  await close.call(this);
  for (const text of [...told, ...traced]) secrets?.assertNoneIn(text);
};

for (const name of ['emit', 'request'] as const) {
  const send = TestClient.prototype[name] as (this: TestClient, event: string, ...args: unknown[]) => unknown;
  TestClient.prototype[name] = function (this: TestClient, event: string, ...args: unknown[]) {
    secretsOfClient.get(this)?.rememberArguments(args);
    return send.call(this, event, ...args);
  } as never;
}
