/**
 * What the type parameter of `Broadcaster` checks. Compiled, never run: each expected error that does not occur is
 * itself an error of `npm run check:types`.
 */
import type { Broadcaster } from 'switchboard-gateway';

interface ShopEvents {
  'order:shipped': (order: { id: string }) => void;
  tick: (n: number, at?: string) => void;
  bare: () => void;
}

type ShopEventsAsType = { 'order:shipped': (order: { id: string }) => void };

export async function knowsTheEvents(
  broadcaster: Broadcaster<ShopEvents>,
  alias: Broadcaster<ShopEventsAsType>,
  untyped: Broadcaster,
): Promise<void> {
  const all = broadcaster.toAll();

  await all.emit('order:shipped', { id: '7' });
  await all.emit('tick', 1);
  await all.emit('tick', 1, 'noon');
  await all.emit('bare');
  await broadcaster
    .toUsers('ann')
    .except({ rooms: ['a'] })
    .volatile()
    .emit('tick', 1);
  await broadcaster.to({ all: true }).emitWithAck('tick', 1, 'noon', { timeoutMs: 1_000 });
  await all.emitWithAck('bare', { timeoutMs: 1_000 });
  await alias.toRooms('a').emit('order:shipped', { id: '7' });
  await untyped.toSockets('a').emit('anything', 1, { at: 'all' });
  await untyped.toSockets('a').emitWithAck('anything', 1, { timeoutMs: 1_000 });

  // @ts-expect-error no such event
  await all.emit('order:shiped', { id: '7' });
  const others = all.except({ users: ['ann'] }).volatile();
  // @ts-expect-error no such event, after other steps either
  await others.emit('nothing');
  // @ts-expect-error the argument is missing
  await all.emit('order:shipped');
  // @ts-expect-error the argument has another shape
  await all.emit('order:shipped', { id: 7 });
  // @ts-expect-error one argument too many
  await all.emit('bare', 1);
  // @ts-expect-error no time-out
  await all.emitWithAck('tick', 1);
  // @ts-expect-error the time-out has another unit
  await all.emitWithAck('bare', { timeout: 1_000 });
  // @ts-expect-error the event map is checked where it is given as a type alias, too
  await alias.toAll().emit('tick', 1);
}

export async function saysWhatCameOfIt(
  broadcaster: Broadcaster<ShopEvents>,
): Promise<[string, number, string[]]> {
  const { id, matched } = await broadcaster.toAll().emit('bare');
  const { responses } = await broadcaster.toAll().emitWithAck('bare', { timeoutMs: 1 });
  return [id, matched, responses.map(({ user }) => user)];
}
