/** Checks of what a client receives, sends and answers. */
import { setTimeout as pause } from 'node:timers/promises';
import { expectThat, same } from './expect-that.js';
import { POLL_MS, type Visit } from './visit.js';

const BASE64 = Buffer.from([0, 1, 127, 128, 254, 255]).toString('base64');
const BYTES = { $base64: BASE64 };
const BIG = 'x'.repeat(2_000_000);
const BURST = 200;
const TEXT = { text: 'ä😀' };

/** By each kind of target. */
export async function receives(visit: Visit): Promise<void> {
  await visit.join();
  const targets = [
    { all: true },
    { rooms: [visit.room] },
    { users: [visit.user] },
    { sockets: [await visit.socketId()] },
  ];
  const tags: string[] = [];
  for (const to of targets) {
    tags.push(visit.newTag());
    await visit.emit(to, 'news', [tags.at(-1), TEXT]);
  }
  for (const tag of tags) expectThat(same((await visit.news(tag))[1], TEXT), tag);
}

const receivesArgs =
  (args: readonly unknown[]) =>
  async (visit: Visit): Promise<void> => {
    await visit.emit({ users: [visit.user] }, 'given', args);
    const got = await visit.next('given');
    expectThat(same(got, args), got);
  };

export const receivesBinaryAlone = receivesArgs([BYTES]);
export const receivesBinaryInside = receivesArgs(['text', { bytes: BYTES }, BYTES, null]);
export const receivesMuch = receivesArgs([BIG]);

/** It gets back what it sends to its room. */
export async function sendsMuch(visit: Visit): Promise<void> {
  await visit.join();
  const { ok } = await visit.request('room:emit', {
    room: visit.room,
    event: 'sent',
    args: [BIG],
    echo: true,
  });
  const [got] = await visit.next('sent');
  expectThat(ok === true && got === BIG, got);
}

/** The history says what came from it, also where it could not read that itself. */
export async function sendsBinary(visit: Visit): Promise<void> {
  const args = [{ bytes: BYTES }, BYTES];
  await visit.join();
  const { ok } = await visit.request('room:emit', { room: visit.room, event: 'sent', args });
  const path = `/v1/rooms/${visit.room}/history?limit=1`;
  const { publications } = await visit.nodes.ask<{ publications: { args: unknown[] }[] }>('GET', path);
  expectThat(ok === true && same(publications[0]?.args, args), publications);
}

/** While nothing else is sent to anybody: whether a request gets out beside a poll that waits. */
export const sendsAtOnce =
  (patienceMs: number) =>
  async (visit: Visit): Promise<void> => {
    if (visit.transport === 'polling') await pause(POLL_MS);
    visit.process.request('socket:info', {});
    await visit.process.events.next('answer', patienceMs);
  };

const answersWith =
  (args: readonly unknown[], event: string, sent: readonly unknown[]) =>
  async (visit: Visit): Promise<void> => {
    const { responses } = await visit.nudging(
      visit.nodes.ask<{ responses: { args: unknown[] }[] }>('POST', '/v1/emit', {
        to: { users: [visit.user] },
        event,
        args: sent,
        ack: { timeoutMs: visit.patienceMs },
      }),
    );
    expectThat(same(responses[0]?.args, args), responses);
  };

export const answers = answersWith(['text', { n: 1 }], 'mirror', ['text', { n: 1 }]);
export const answersWithBinary = answersWith(['text', BYTES], 'decode', ['text', BASE64]);

export async function getsBinaryInAnAnswer(visit: Visit): Promise<void> {
  await visit.emit({ rooms: [visit.room] }, 'kept', [1, BYTES]);
  const answer = await visit.request('room:history', { room: visit.room, limit: 1 });
  expectThat(same((answer.publications as { args: unknown }[])[0]?.args, [1, BYTES]), answer);
}

/** Resolves with what its handlers saw, in their order. */
export async function takesABurst(visit: Visit): Promise<readonly unknown[]> {
  const to = { users: [visit.user] };
  const commands = Array.from({ length: BURST }, (_, n) => ({ emit: { to, event: 'burst', data: n } }));
  await visit.nodes.ask('POST', '/v1/batch', { commands });
  const seen: unknown[] = [];
  while (seen.length < BURST) seen.push((await visit.next('burst'))[0]);
  return seen;
}

export async function seesABurstInOrder(visit: Visit): Promise<void> {
  const seen = await takesABurst(visit);
  expectThat(
    seen.every((n, i) => n === i),
    seen,
  );
}
