import { setImmediate as nextTurn } from 'node:timers/promises';
import type { SocketEntry } from '../../../protocol/entries.js';
import type { FlightSubject, SharedFlights, StoredEpisode } from '../../flights.js';
import { HELD_ENTRIES, READ_FLIGHTS, WRITE_FLIGHTS } from '../lua/scripts.js';
import type { NodeContext } from '../node/node-context.js';
import { entryOf, type WrittenEntry } from './entry-fields.js';

/** Sockets of a dead node that get an episode; of more there are enough to see what happened. */
const MAX_LOST = 5_000;
/** Entries of a dead node that are read in one turn: what is delivered to clients comes in between. */
const READ_IN_A_TURN = 100;

/** Ended episodes of all nodes, in Redis. [X1] */
export class RedisFlights implements SharedFlights {
  constructor(private readonly context: Pick<NodeContext, 'run'>) {}

  async write(episodes: readonly StoredEpisode[], maxBytes: number): Promise<void> {
    const fields = episodes.flatMap(({ user, claimedUser, address, socketId, text }) => [
      user ?? '',
      claimedUser ?? '',
      address,
      socketId ?? '',
      text,
    ]);
    await this.context.run(WRITE_FLIGHTS, maxBytes, ...fields);
  }

  async read([kind, name]: FlightSubject): Promise<string[]> {
    return (await this.context.run(READ_FLIGHTS, kind, name)) as string[];
  }

  /** What the registry knows of the sockets of a node that is to be reaped. */
  async heldBy(node: string): Promise<SocketEntry[]> {
    const texts = (await this.context.run(HELD_ENTRIES, node, MAX_LOST)) as string[];
    const entries: SocketEntry[] = [];
    for (let from = 0; from < texts.length; from += READ_IN_A_TURN) {
      await nextTurn();
      for (const text of texts.slice(from, from + READ_IN_A_TURN)) {
        entries.push(entryOf(JSON.parse(text) as WrittenEntry));
      }
    }
    return entries;
  }
}
