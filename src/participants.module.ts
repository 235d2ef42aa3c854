import { Global, Module, type Provider, type Type } from '@nestjs/common';
import { Rights } from './access/rights.js';
import { OpenReceipts } from './delivery/open-receipts.js';
import { Identification } from './gateway/identification.js';
import { RefusalLog } from './gateway/refusal-log.js';
import { Admission } from './limits/admission.js';
import { Connections } from './limits/connections.js';
import { ReturningUsers } from './limits/returning-users.js';
import { FlightRecorder } from './recorder/flight-recorder.js';
import { Registration } from './registry/registration.js';
import { RegistryChanges } from './registry/registry-changes.js';
import { AssignedRooms } from './rooms/assigned-rooms.js';
import { Presence } from './rooms/presence/presence.service.js';
import { Recovery } from './rooms/recovery/recovery.service.js';
import { SessionClaims } from './rooms/recovery/session-claims.service.js';
import { Participants, type Participant } from './sockets/participants.js';

/**
 * Who takes part in a socket's life, in the order in which they hear of it: see {@link Participant}.
 *
 * The order matters: nothing is claimed, counted or made known for a socket before it is known whose it is, and what
 * is taken last is given back first.
 */
const PARTICIPANTS: readonly Type<Participant>[] = [
  RefusalLog,
  Connections,
  Identification,
  SessionClaims,
  Admission,
  Rights,
  Recovery,
  Presence,
  Registration,
  AssignedRooms,
  OpenReceipts,
  ReturningUsers,
  FlightRecorder,
  RegistryChanges,
];

const PROVIDER: Provider = {
  provide: Participants,
  inject: [...PARTICIPANTS],
  useFactory: (...list: (Participant & { readonly isOff?: boolean })[]) =>
    new Participants(list.filter(({ isOff }) => isOff !== true)),
};

/** The participants, which are of many floors, put together for the gateway. */
@Global()
@Module({ providers: [PROVIDER], exports: [PROVIDER] })
export class ParticipantsModule {}
