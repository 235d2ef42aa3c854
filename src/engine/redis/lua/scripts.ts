import { script } from './script.js';

// Nodes: their leases, their inboxes, what they tell each other.
export const ATTACH = script('attach');
export const RENEW = script('renew');
export const REAP = script('reap');
export const NODES = script('nodes');
export const PROBE = script('probe');
export const READ_INBOX = script('read-inbox');
export const COMMANDS = script('commands');
export const REPLY = script('reply');

// Publications and their histories.
export const PUBLISH = script('publish');
export const READ_HISTORY = script('read-history');
export const DROP_HISTORY = script('drop-history');
export const SWEEP_LOGS = script('sweep-logs');

// The registry.
export const CHANGE = script('change');
export const LOOK_UP = script('look-up');
export const USERS = script('users');
export const MEMBERS = script('members');
export const MEMBERS_MARKED = script('members-marked');
export const ROOMS = script('rooms');
export const HELD = script('held');

// Presence.
export const WATCH = script('watch');
export const UNWATCH = script('unwatch');
export const SWEEP_ABSENT = script('sweep-absent');

// Sessions.
export const CHANGE_SESSIONS = script('change-sessions');
export const END_SESSIONS = script('end-sessions');
export const CLAIM = script('claim');
export const IS_SOCKET_OF_SESSION = script('is-socket-of-session');
export const MISSED = script('missed');
export const SWEEP_SESSIONS = script('sweep-sessions');

// Requests that must not take effect twice.
export const BEGIN = script('begin');
export const SETTLE = script('settle');
export const ABANDON = script('abandon');

// Revocations.
export const REVOKE = script('revoke');
export const LOAD_REVOCATIONS = script('load-revocations');

// The outbox.
export const WANT_EVENTS = script('want-events');
export const CLAIM_PARTITIONS = script('claim-partitions');
export const RELEASE_PARTITIONS = script('release-partitions');
export const READ_EVENTS = script('read-events');
export const NOTE_DELIVERED = script('note-delivered');
export const STOP_ENDPOINT = script('stop-endpoint');
export const REPLAY_EVENTS = script('replay-events');
export const READ_ATTEMPTS = script('read-attempts');
export const FIND_EVENTS = script('find-events');
export const OLDEST_EVENTS = script('oldest-events');
export const SWEEP_AWAY = script('sweep-away');

// The flight record.
export const WRITE_FLIGHTS = script('write-flights');
export const READ_FLIGHTS = script('read-flights');
export const HELD_ENTRIES = script('held-entries');
