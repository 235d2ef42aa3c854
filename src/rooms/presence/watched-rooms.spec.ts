import type { Publisher } from '../../delivery/publisher.js';
import type { Engine } from '../../engine/engine.js';
import type { PresenceState, SharedPresence } from '../../engine/presence.js';
import { presenceRoom } from '../../protocol/names.js';
import type { LocalRegistry } from '../../registry/local-registry.js';
import type { Namespaces } from '../../sockets/namespaces.js';
import { WatchedRooms } from './watched-rooms.js';

const at = { epoch: 'e', seq: 1 };
const stateOf = (room: string): PresenceState => ({ room, at, present: ['ann'], joined: [], absent: [] });
const changeOf = (room: string) => ({ room, at, joined: [], left: ['ann'], broken: [], held: [], lost: [] });

describe('WatchedRooms', () => {
  const occupied = new Set<string>();
  let asked: string[];
  let rooms: WatchedRooms;
  const presence: SharedPresence = {
    watch: async (room, knows, begin) => {
      asked.push(`watch ${room}, knows ${knows}`);
      begin();
    },
    unwatch: (room) => asked.push(`unwatch ${room}`),
  };
  const watchedAgain = (room: string): Promise<void> => rooms.watchedAgain(presence, 'socket', room, at);

  beforeEach(() => {
    asked = [];
    occupied.clear();
    rooms = new WatchedRooms(
      { presence, place: at } as unknown as Engine,
      { isOccupied: (room: string) => occupied.has(room) } as LocalRegistry,
      { findSocket: () => undefined } as unknown as Namespaces,
      { tellsFirst: () => undefined } as unknown as Publisher,
    );
  });

  it('[M4] is told of a room once, however many watch it', async () => {
    occupied.add(presenceRoom('x'));
    rooms.state(stateOf('x'));
    await watchedAgain('x');
    await rooms.watch(presence, 'other', 'x', () => undefined);
    expect(asked).toEqual(['watch x, knows all']);
  });

  it('[M4] gives a room up that changes while nobody watches it, and begins anew with the next who does', async () => {
    occupied.add(presenceRoom('x'));
    rooms.state(stateOf('x'));
    occupied.clear();
    rooms.changed(changeOf('x'));
    await watchedAgain('x');
    expect(asked).toEqual(['unwatch x', 'watch x, knows nothing']);
  });

  it('[M4] takes a room that it has given up for one that it is not told of, whatever is still under way', async () => {
    rooms.changed(changeOf('x'));
    // Asked for before.
    rooms.state(stateOf('x'));
    await watchedAgain('x');
    expect(asked).toEqual(['unwatch x', 'unwatch x', 'watch x, knows nothing']);
  });

  it('[M4] [O3] asks shared state that lost everything only for rooms that somebody watches', async () => {
    occupied.add(presenceRoom('x')).add(presenceRoom('y'));
    rooms.state(stateOf('x'));
    rooms.state(stateOf('y'));
    occupied.delete(presenceRoom('x'));
    expect([...rooms.users()]).toEqual([['y', ['ann']]]);
    await watchedAgain('x');
    expect(asked).toEqual(['watch x, knows nothing']);
  });
});
