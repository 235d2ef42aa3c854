import { Global, Module, type Provider } from '@nestjs/common';
import { AssignedRooms } from './assigned-rooms.js';
import { History } from './history.service.js';
import { JoinWithHistory } from './join-with-history.js';
import { LocalWatching } from './presence/local-watching.js';
import { Presence } from './presence/presence.service.js';
import { SharedWatching } from './presence/shared-watching.js';
import { WatchedRooms } from './presence/watched-rooms.js';
import { PrivateRooms } from './private-rooms.js';
import { Recovery } from './recovery/recovery.service.js';
import { SessionClaims } from './recovery/session-claims.service.js';
import { RepeatedEmits } from './repeated-emits.js';
import { RoomService } from './room.service.js';

const PROVIDERS: Provider[] = [
  History,
  WatchedRooms,
  LocalWatching,
  SharedWatching,
  Presence,
  Recovery,
  SessionClaims,
  JoinWithHistory,
  PrivateRooms,
  AssignedRooms,
  RepeatedEmits,
  RoomService,
];

/** Joining and leaving, presence, histories, recovery. */
@Global()
@Module({ providers: PROVIDERS, exports: PROVIDERS })
export class RoomsModule {}
