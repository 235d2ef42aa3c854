import type { TestClient } from 'switchboard-gateway/testing';

/** The arguments of every event of this name that a client has got, in order. */
export const arrivedAt = (client: TestClient, event: string): unknown[][] =>
  client.queue.log.filter((received) => received.event === event).map((received) => received.args);

/** The names of everything that a client has got, lifecycle events too, in order. */
export const eventsAt = (client: TestClient): string[] => client.queue.log.map(({ event }) => event);

/** Fails when a client that only connected was disconnected, or got anything. */
export async function expectUndisturbed(bystander: TestClient): Promise<void> {
  await bystander.settled();
  expect(eventsAt(bystander)).toEqual(['connect']);
}

/**
 * Who got an event, with how often: `{ada: 1, bob: 1}`.
 *
 * Each client first asks the gateway something: the answer comes after everything that was sent to it before, so
 * that a client without the event will not get it later either.
 */
export async function recipientsOf(
  event: string,
  clients: Readonly<Record<string, TestClient>>,
): Promise<Record<string, number>> {
  await Promise.all(Object.values(clients).map((client) => client.settled()));
  return Object.fromEntries(
    Object.entries(clients)
      .map(([name, client]) => [name, arrivedAt(client, event).length] as const)
      .filter(([, times]) => times > 0),
  );
}
