/** Checks of what a client does when its connection ends. */
import { expectThat, same } from './expect-that.js';
import type { Visit } from './visit.js';

/** @param code of the goodbye that it has to be told */
async function isTold(visit: Visit, code: string): Promise<void> {
  const [goodbye] = await visit.next('server:disconnect');
  expectThat((goodbye as { code: string }).code === code, goodbye);
}

async function kickWithReturn(visit: Visit): Promise<void> {
  await visit.nodes.ask('DELETE', `/v1/sockets/${await visit.socketId()}?reconnect=true`);
  await isTold(visit, 'kicked');
}

export async function comesBackWhenKicked(visit: Visit): Promise<void> {
  await visit.join();
  await kickWithReturn(visit);
  await visit.comesBack();
}

/** It misses two publications of its room, between one that it saw and one that it sees. */
export async function resumes(visit: Visit): Promise<void> {
  await visit.join();
  await visit.publish('before');
  const [, meta] = await visit.news('before');
  visit.position = meta as Visit['position'];
  await kickWithReturn(visit);
  await visit.publish('missed 1');
  await visit.publish('missed 2');
  await visit.comesBack();
  await catchesUp(visit, ['missed 1', 'missed 2']);
  await visit.publish('after');
  await visit.news('after');
}

/** @param hasBegun its node drains from then on */
export const leavesADrainingNode =
  (hasBegun: Promise<unknown>) =>
  (visit: Visit): Promise<void> =>
    resumesElsewhere(visit, hasBegun, () => isTold(visit, 'server.draining'));

/** @param hasHappened its node is dead from then on */
export const survivesItsNode =
  (hasHappened: Promise<unknown>) =>
  (visit: Visit): Promise<void> =>
    resumesElsewhere(visit, hasHappened, () => Promise.resolve());

export async function isToldOfItsKick(visit: Visit): Promise<void> {
  await visit.nodes.ask('DELETE', `/v1/sockets/${await visit.socketId()}`);
  await isTold(visit, 'kicked');
  // A client that came back twice before has told of it twice: what counts is what it does from here on.
  visit.seen = visit.process.events.log.length;
}

/** Once a client that comes back has had the time to. */
export async function staysAway(visit: Visit): Promise<void> {
  const { online } = await visit.nodes.ask<{ online: boolean }>('GET', `/v1/users/${visit.user}`);
  const since = visit.process.events.log.slice(visit.seen).map(({ event }) => event);
  expectThat(!online && !since.includes('connect'), { online, since });
}

/** With Redis the other node knows what was published meanwhile; alone, another process begins anew. */
async function resumesElsewhere(
  visit: Visit,
  hasBegun: Promise<unknown>,
  goodbye: () => Promise<void>,
): Promise<void> {
  await hasBegun;
  const tag = visit.newTag();
  await visit.publish(tag);
  await goodbye();
  await visit.comesBack();
  if (visit.nodes.areShared) await catchesUp(visit, [tag]);
  else await visit.join();
}

async function catchesUp(visit: Visit, tags: readonly string[]): Promise<void> {
  const { epoch, offset } = visit.position!;
  const answer = await visit.request('room:join', { room: visit.room, meta: true, since: { epoch, offset } });
  const caught = (answer.publications as { args: unknown[] }[]).map(({ args }) => args[0]);
  expectThat(answer.recovered === true && same(caught, tags), answer);
}
