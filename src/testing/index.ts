/** The test harness: a gateway on a free port and real clients that lose no event. */
export { startApp, startGateway, TestGateway, type HttpAnswer, type StartOptions } from './test-gateway.js';
export {
  createClient,
  TestClient,
  type Answer,
  type ClientOptions,
  type ClientTransport,
  type ClientVersion,
} from './test-client.js';
export { EventQueue, type ReceivedEvent } from './event-queue.js';
export type { AnySocket } from './legacy-clients.js';
