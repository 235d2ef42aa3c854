import type { Conclusion, Rule } from '../finding.js';
import type { Episode } from '../../episode.js';
import { at, endedConnections, factsOf, howOften, span, times } from '../reading.js';

/** A client that its app lets connect again after a refusal or an end has done so within this time. */
const PATIENCE_MS = 60_000;

const roomsOf = (episode: Episode): Set<string> => {
  const rooms = new Set<string>();
  for (const { kind, name } of episode.facts) {
    if (name === undefined) continue;
    if (kind === 'joined') rooms.add(name);
    else if (kind === 'left') rooms.delete(name);
  }
  return rooms;
};

/** The next connection of the same user, as the record links them. */
const successorOf = (episode: Episode, episodes: readonly Episode[]): Episode | undefined =>
  episode.next === null
    ? undefined
    : episodes.find(
        ({ socketId, openedAt }) => socketId === episode.next!.socketId && openedAt >= episode.openedAt,
      );

/** A client that came back as a new socket and did not join its rooms again. */
export const roomsNotRejoined: Rule = {
  id: 'rooms_not_rejoined',
  read({ episodes, now }): Conclusion | undefined {
    for (const before of episodes.toReversed()) {
      const after = before.end?.comesBack ? successorOf(before, episodes) : undefined;
      // Of a socket to which more happened than is kept nobody knows all rooms.
      if (!after || before.isCut || after.isCut) continue;
      if (after.connectedAt === null || after.recovery?.outcome === 'recovered') continue;
      if ((after.endedAt ?? now) - after.connectedAt < 5_000) continue;
      const rejoined = roomsOf(after);
      const missing = [...roomsOf(before)].filter((room) => !rejoined.has(room));
      if (missing.length === 0) continue;
      return {
        confidence: rejoined.size === 0 ? 'likely' : 'possible',
        title: `The client came back and did not join ${missing.slice(0, 3).join(', ')} again`,
        because: [
          `socket ${before.socketId} was in ${times(roomsOf(before).size, 'room')} when its connection broke`,
          `socket ${after.socketId} came ${span(before.next!.gapMs)} later, was not recovered and joined ${times(rejoined.size, 'room')}`,
        ],
        try: [
          'join rooms in the `connect` listener, which runs on every return, and not once at the start',
          'or ask for recovery with `auth: {recovery: true}`',
        ],
      };
    }
    return undefined;
  },
};

const WHY: Readonly<Record<string, string>> = {
  unknown_session: 'no session by that ID: it ended, or shared state was lost',
  ended_on_purpose: 'its socket had ended on purpose, and the session with it',
  window_over: 'it came back after SWITCHBOARD_RECOVERY_WINDOW_MS',
  log_trimmed: 'more was published meanwhile than is kept',
  too_much_missed: 'more was missed than is given back at once',
  other_user: 'the session belongs to another user',
  other_namespace: 'the session belongs to another namespace',
  foreign_cursor: 'its last position is not one of this session',
  token_ended: 'the token that the session was opened with had ended',
  revoked: 'the token that the session was opened with was revoked',
  engine_unavailable: 'shared state could not be asked',
  recovery_off: 'recovery is off: SWITCHBOARD_RECOVERY_WINDOW_MS is 0',
};

/** A client that asked for its session and got a new one. */
export const notRecovered: Rule = {
  id: 'not_recovered',
  read({ episodes, recoveryWindowMs }): Conclusion | undefined {
    const failed = episodes.filter(({ recovery }) => recovery?.outcome === 'not_recovered');
    const last = failed.at(-1);
    if (!last) return undefined;
    const { why } = last.recovery!;
    return {
      confidence: why === null ? 'likely' : 'certain',
      title: `The client came back and got a new session${why === null ? '' : `: ${WHY[why] ?? why}`}`,
      because: [
        `${times(failed.length, 'return')} without recovery, the last at ${at(last.openedAt)}`,
        `sessions are kept for ${span(recoveryWindowMs)}`,
      ],
      try: [
        'join rooms with `since` and the last position, which reaches back as far as their histories',
        ...(why === 'window_over' ? ['raise SWITCHBOARD_RECOVERY_WINDOW_MS'] : []),
        ...(why === 'log_trimmed' ? ['raise SWITCHBOARD_MAX_HISTORY_BYTES'] : []),
        ...(why === 'token_ended' ? ['send `auth:refresh` when `auth:expiring` comes'] : []),
        ...(why === 'other_user'
          ? ['drop the session when the user changes: a new `io()` after a login']
          : []),
      ],
    };
  },
};

/** What to do after an end that stock clients do not come back from. */
const STEPS_AFTER: Readonly<Record<string, readonly string[]>> = {
  kicked: [
    'nothing, where it was meant; else let the app call `socket.connect()`',
    'disconnect with `reconnect=true` where clients are to come back by themselves',
  ],
  'auth.revoked': [
    'unblock the user where it is blocked',
    'where its tokens were revoked: get a token that is issued after that, then call `socket.connect()`',
  ],
};

/** A client that was sent away for good, or refused, and stock clients do not try again then. */
export const stoppedRetrying: Rule = {
  id: 'stopped_retrying',
  read({ episodes, now }): Conclusion | undefined {
    const last = episodes.at(-1);
    if (!last) return undefined;
    const isPatient = now - (last.endedAt ?? last.openedAt) < PATIENCE_MS;
    if (last.refusal) {
      if (isPatient) return undefined;
      return {
        confidence: 'likely',
        title: `The client has not tried again since it was refused with ${last.refusal.code}`,
        because: [
          `refused at ${at(last.openedAt)}, ${span(now - last.openedAt)} ago`,
          last.protocol === 4
            ? '4.x clients do not try again after `connect_error` of the gateway'
            : 'it may have been told not to',
        ],
        try: [
          'call `socket.connect()` in `connect_error` where `err.data.retryable` is true, after `retryAfterMs`',
          'mend what it was refused for: see the finding "refused"',
        ],
      };
    }
    if (!last.end || last.end.comesBack || last.end.by !== 'gateway') return undefined;
    const { reason } = last.end;
    return {
      confidence: isPatient ? 'likely' : 'certain',
      title:
        reason === 'kicked'
          ? 'A backend or an operator disconnected this socket, not to come back'
          : `The gateway ended the socket with ${reason}, after which stock clients do not come back`,
      because: [
        `ended with ${reason} at ${at(last.endedAt!)}, ${span(now - last.endedAt!)} ago: stock clients do not come back by themselves after it`,
      ],
      try: STEPS_AFTER[reason] ?? ['mend the cause, then call `socket.connect()`'],
    };
  },
};

/** A pong that takes no longer is only slow. */
const SLOW_TRIP_MS = 1_000;

/** A user who is shown online although nobody is there. */
export const heldOnline: Rule = {
  id: 'held_online',
  read({ presence, now, episodes, pingIntervalMs, pingTimeoutMs }): Conclusion | undefined {
    if (!presence?.online) return undefined;
    if (presence.heldUntil !== null && presence.heldUntil > now) {
      return {
        confidence: 'certain',
        title: `The user is held for ${span(presence.heldUntil - now)} more: a connection broke and may come back`,
        because: [`held until ${at(presence.heldUntil)}`],
        try: ['lower SWITCHBOARD_RECOVERY_WINDOW_MS where users are to be gone sooner'],
      };
    }
    const open = episodes.filter(({ connectedAt, endedAt }) => connectedAt !== null && endedAt === null);
    const silent = open.filter(
      ({ lastPongAt, connectedAt }) =>
        now - (lastPongAt ?? connectedAt!) > pingIntervalMs + Math.max(pingIntervalMs / 5, SLOW_TRIP_MS),
    );
    if (open.length === 0 || silent.length < open.length) return undefined;
    return {
      confidence: 'likely',
      title: 'The connection is open and silent: the gateway waits for its pong',
      because: [
        `last pong ${span(now - (silent.at(-1)!.lastPongAt ?? silent.at(-1)!.connectedAt!))} ago`,
        `a broken connection is noticed after ${span(pingIntervalMs + pingTimeoutMs)} at the latest`,
      ],
      try: [
        'wait for the ping time-out',
        'lower SWITCHBOARD_PING_INTERVAL_MS and SWITCHBOARD_PING_TIMEOUT_MS',
      ],
    };
  },
};

/** Requests that were never answered, or answers of clients that never came. */
export const ackMissing: Rule = {
  id: 'ack_missing',
  read({ episodes }): Conclusion | undefined {
    const facts = episodes.flatMap((episode) => factsOf(episode, 'ack_missing', 'not_answered'));
    const last = facts.at(-1);
    if (!last) return undefined;
    const event = last.name ?? 'an event';
    const isOurs = last.kind !== 'ack_missing';
    return {
      confidence: 'certain',
      title: isOurs
        ? `The handler of ${event} did not answer in time`
        : `The client did not acknowledge ${event}`,
      because: [
        `${times(facts.length, 'such case')}, the last at ${at(last.at)}`,
        ...(last.ms === undefined ? [] : [`after ${span(last.ms)}`]),
        ...(last.code === undefined ? [] : [`answered ${last.code}`]),
      ],
      try: isOurs
        ? ['look at the handler of the event, and at what it waits for', 'see SWITCHBOARD_HANDLER_TIMEOUT_MS']
        : ['call the acknowledgement in the listener of the client, in every branch of it'],
    };
  },
};

/** Connections that ended with a deployment of the gateway. */
export const deploy: Rule = {
  id: 'deploy',
  read({ episodes, now }): Conclusion | undefined {
    const all = endedConnections(episodes);
    const ended = all.filter(({ end }) => end.reason === 'server.draining');
    const last = ended.at(-1);
    if (!last) return undefined;
    const isBack =
      last.next !== null ||
      episodes.some(({ connectedAt }) => connectedAt !== null && connectedAt >= last.endedAt);
    return {
      confidence: 'certain',
      title: `The node was stopped on purpose, and sent its clients to another one${isBack ? '' : ': this one has not come back'}`,
      because: [
        howOften(ended, all, 'ended with server.draining'),
        ...(isBack ? [] : [`no connection since, for ${span(now - last.endedAt)}`]),
      ],
      try: isBack
        ? ['nothing: stock clients come back by themselves', 'ask for recovery, so that nothing is missed']
        : [
            'stock clients come back by themselves: see whether this one may (`reconnection`), and whether its page is open still',
            'see whether the balancer sends new connections to a node that lives',
          ],
    };
  },
};

/** Connections that ended with the death of their node. */
export const nodeLost: Rule = {
  id: 'node_lost',
  read({ episodes }): Conclusion | undefined {
    const all = endedConnections(episodes);
    const ended = all.filter(({ end }) => end.by === 'node');
    const last = ended.at(-1);
    if (!last) return undefined;
    return {
      confidence: 'certain',
      title: `Node ${last.node} died without a word`,
      because: [howOften(ended, all, 'ended with their node')],
      try: [
        'look at what ended the process: memory, a signal, the machine',
        'see nodes_lost_total in the metrics',
      ],
    };
  },
};
