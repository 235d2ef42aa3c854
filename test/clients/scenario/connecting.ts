/** Checks of how a client comes in. */
import type { ClientProcess, Connecting } from '../driver.js';
import { expectThat } from './expect-that.js';
import type { Visit } from './visit.js';

export async function knowsItsId(visit: Visit): Promise<void> {
  const { args } = visit.process.events.log.findLast(({ event }) => event === 'connect')!;
  expectThat(args[0] === (await visit.socketId()), args);
}

/** It has connected with a token in `auth`: whether as its user. */
export async function isItsUser(visit: Visit): Promise<void> {
  await visit.socketId();
}

/** With a token in this place, by a process of its own. */
export const isLetInWith =
  (present: (token: string) => Partial<Connecting>) =>
  async (visit: Visit): Promise<void> => {
    const token = await visit.token(`${visit.user}-2`);
    await visit.beside({ ...visit.to, ...present(token) }, async (process) => {
      await firstOf(process, ['connect'], ['connect_error', 'gave up', 'cannot'], visit.patienceMs);
    });
  };

export async function isToldItsRefusal(visit: Visit): Promise<void> {
  await visit.beside({ ...visit.to, auth: { token: 'not a token' } }, async (process) => {
    const told = await process.events.next('connect_error', visit.patienceMs);
    expectThat(JSON.stringify(told).includes('auth.token_invalid'), told);
  });
}

/** Resolves with the arguments of the first of the events that are wanted, and rejects with the first of the others. */
async function firstOf(
  { events }: ClientProcess,
  wanted: readonly string[],
  unwanted: readonly string[],
  patienceMs: number,
): Promise<unknown[]> {
  const all = [...wanted, ...unwanted].map((event) =>
    events.next(event, patienceMs).then((args) => ({ event, args })),
  );
  for (const each of all) each.catch(() => undefined);
  const { event, args } = await Promise.race(all);
  expectThat(wanted.includes(event), { event, args });
  return args;
}
