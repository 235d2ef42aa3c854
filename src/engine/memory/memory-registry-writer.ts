import type { SocketEntry } from '../../protocol/entries.js';
import type { RegistryFollower } from '../outbox.js';
import type { RegistryWriter } from '../registry.js';

/**
 * The only node tells nobody else what it holds, and its own maps have it already. Those that want events are told what
 * happens, as the scripts of Redis tell them. [W4]
 */
export class MemoryRegistryWriter implements RegistryWriter {
  constructor(private readonly wanting: { readonly follower: RegistryFollower | undefined }) {}

  enter(_socketId: string, entry: () => SocketEntry): void {
    const { follower } = this.wanting;
    if (follower) follower.entered(entry());
  }

  connected(): void {
    // No event tells of it.
  }

  upgraded(): void {
    // No event tells of it.
  }

  leave(socketId: string, comesBack: boolean, reason = 'unknown'): void {
    this.wanting.follower?.left(socketId, comesBack, reason);
  }

  joined(socketId: string, room: string): void {
    this.wanting.follower?.joined(socketId, room);
  }

  parted(socketId: string, room: string): void {
    this.wanting.follower?.parted(socketId, room);
  }
}
