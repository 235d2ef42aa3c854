import { CHANGE } from './change.js';
import { COMMANDS, REPLY } from './command.js';
import { HELD_ENTRIES, READ_FLIGHTS, WRITE_FLIGHTS } from './flights.js';
import { DROP_HISTORY, READ_HISTORY, SWEEP_LOGS } from './history.js';
import { ABANDON, BEGIN, SETTLE } from './idempotency.js';
import { READ_INBOX } from './inbox.js';
import { ATTACH, NODES, PROBE, REAP, RENEW } from './lease.js';
import { LOOK_UP } from './look-up.js';
import * as outbox from './outbox.js';
import * as pages from './pages.js';
import { SWEEP_ABSENT, UNWATCH, WATCH } from './presence.js';
import { PUBLISH } from './publish.js';
import { LOAD_REVOCATIONS, REVOKE } from './revocation.js';
import type { Script } from './script.js';
import {
  CHANGE_SESSIONS,
  CLAIM,
  END_SESSIONS,
  IS_SOCKET_OF_SESSION,
  MISSED,
  SWEEP_SESSIONS,
} from './session.js';

/** What has to be in Redis before anything is asked of it. */
export const ALL_SCRIPTS: readonly Script[] = [
  ATTACH,
  RENEW,
  REAP,
  NODES,
  PROBE,
  CHANGE,
  LOOK_UP,
  ...Object.values(pages),
  ...Object.values(outbox),
  PUBLISH,
  COMMANDS,
  READ_INBOX,
  REPLY,
  READ_HISTORY,
  DROP_HISTORY,
  SWEEP_LOGS,
  WATCH,
  UNWATCH,
  SWEEP_ABSENT,
  CHANGE_SESSIONS,
  END_SESSIONS,
  CLAIM,
  IS_SOCKET_OF_SESSION,
  MISSED,
  SWEEP_SESSIONS,
  BEGIN,
  SETTLE,
  ABANDON,
  REVOKE,
  LOAD_REVOCATIONS,
  WRITE_FLIGHTS,
  READ_FLIGHTS,
  HELD_ENTRIES,
];
