/** Clients that break off and come back when the test says so, and what they know of their session. */
import type { TestClient, TestGateway } from 'switchboard-gateway/testing';
import { until } from './until.js';

/** What the stock 4.x client keeps of its session. */
interface SessionInternals {
  readonly recovered: boolean;
  readonly _pid?: string;
  readonly _lastOffset?: string;
}

const internals = (client: TestClient): SessionInternals => client.socket as unknown as SessionInternals;

/** The session as its client would present it. */
export const sessionOf = (client: TestClient): { pid: string | undefined; offset: string | undefined } => ({
  pid: internals(client)._pid,
  offset: internals(client)._lastOffset,
});

/** Breaks the connection; resolves with the socket's ID when the gateway has noticed. */
export async function breakOff(gateway: TestGateway, client: TestClient): Promise<string> {
  const id = client.id!;
  client.breakTransport();
  await client.next('disconnect');
  await until(`${id} is gone`, async () => (await gateway.registry.getSocket(id)) === undefined);
  return id;
}

/** Connects again; resolves with whether the client was told that it was recovered. */
export async function comeBack(client: TestClient): Promise<boolean> {
  client.socket.open();
  await client.next('connect');
  return internals(client).recovered === true;
}

/**
 * The first arguments of every event of this name that has come so far, after everything that was under way.
 *
 * An answer does not tell: a socket that tracks positions gets publications in the order of the engine, which may be
 * known later. So it is sent one more.
 */
export async function received(gateway: TestGateway, client: TestClient, event: string): Promise<unknown[]> {
  await gateway.broadcaster.toSockets(client.id!).emit('fence');
  await client.next('fence');
  await client.settled();
  return client.queue.log.filter((each) => each.event === event).map(({ args }) => args[0]);
}
