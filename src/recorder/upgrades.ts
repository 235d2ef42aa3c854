import type { EventEmitter } from 'node:events';
import type { EpisodeFact } from './episode.js';

/** How a connection that began with polling fares on its way to WebSocket; milliseconds since 1970, 0 where it has not been. */
interface Upgrades {
  triedAt: number;
  doneAt: number;
  failedAt: number;
  why: string;
}

const UPGRADES = Symbol('switchboard.upgrades');

type Connection = EventEmitter & { [UPGRADES]?: Upgrades; readonly transport: { readonly name: string } };

function begin(connection: Connection): Upgrades {
  return (connection[UPGRADES] ??= { triedAt: 0, doneAt: 0, failedAt: 0, why: '' });
}

function onUpgrading(this: Connection): void {
  begin(this).triedAt = Date.now();
}

function onUpgrade(this: Connection): void {
  begin(this).doneAt = Date.now();
}

/** Notes the upgrades of a connection, with two listeners that all connections share. Only polling has any. */
export function watchUpgrades(connection: object): void {
  const watched = connection as Connection;
  if (watched.transport.name !== 'polling') return;
  watched.on('upgrading', onUpgrading);
  watched.on('upgrade', onUpgrade);
}

/** The gateway has turned the WebSocket of a connection away. */
export function upgradeFailed(connection: object, why: string): void {
  const upgrades = begin(connection as Connection);
  upgrades.failedAt = Date.now();
  upgrades.why = why;
}

/** What a connection began with. */
export function firstTransportOf(connection: object): string {
  const { transport, [UPGRADES]: upgrades } = connection as Connection;
  return upgrades && upgrades.doneAt > 0 ? 'polling' : transport.name;
}

/** Oldest first. */
export function upgradeFacts(connection: object): EpisodeFact[] {
  const upgrades = (connection as Connection)[UPGRADES];
  if (!upgrades) return [];
  const { triedAt, doneAt, failedAt, why } = upgrades;
  const facts: EpisodeFact[] = [];
  if (triedAt > 0) facts.push({ at: triedAt, kind: 'upgrade_tried' });
  if (doneAt > 0) facts.push({ at: doneAt, kind: 'upgraded' });
  if (failedAt === 0) return facts;
  facts.push({ at: failedAt, kind: 'upgrade_failed', code: why });
  return facts.sort((one, other) => one.at - other.at);
}
