/**
 * The nine lifecycle events, whatever the client generation emits of them. [L8]
 *
 * 2.x emits all of them on the socket. 3.x and 4.x emit three on the socket and four on its Manager, and lack
 * `connect_timeout` and `reconnecting`. What a generation lacks is derived here and marked so.
 */

export const LIFECYCLE_EVENTS = [
  'connect',
  'disconnect',
  'connect_error',
  'connect_timeout',
  'reconnect',
  'reconnect_attempt',
  'reconnecting',
  'reconnect_error',
  'reconnect_failed',
];

const ON_SOCKET = ['connect', 'disconnect', 'connect_error'];
const ON_MANAGER = ['reconnect', 'reconnect_attempt', 'reconnect_error', 'reconnect_failed'];

const SINCE_V3 = {
  connect_timeout: 'derived from connect_error whose message is “timeout”',
  reconnecting: 'derived from reconnect_attempt of the Manager',
};

/** Where each event comes from: `{kind: 'socket' | 'manager' | 'derived', text}`. */
export function originOf(generation, event) {
  if (generation === 'v2') return { kind: 'socket', text: 'emitted by the socket' };
  if (event in SINCE_V3) return { kind: 'derived', text: SINCE_V3[event] };
  if (ON_MANAGER.includes(event)) return { kind: 'manager', text: 'emitted by the Manager, socket.io' };
  return { kind: 'socket', text: 'emitted by the socket' };
}

/** What to know about a generation's events, in one sentence. */
export const originNote = (generation) =>
  generation === 'v2'
    ? '2.x emits all nine on the socket. A refusal arrives as “error”; it is listed as connect_error, derived.'
    : `${generation.slice(1)}.x lacks two of the nine: connect_timeout is ${SINCE_V3.connect_timeout}, ` +
      `reconnecting is ${SINCE_V3.reconnecting}.`;

/**
 * Reports every lifecycle event of a socket to `report({event, args, attempt, origin})`.
 *
 * `timeoutMs` is what 2.x hands to `connect_timeout`; a derived one gets the same.
 */
export function watchLifecycle(socket, generation, timeoutMs, report) {
  const manager = socket.io;
  let attempt = 0;

  const pass = (event, args, origin = originOf(generation, event)) => {
    if (event === 'reconnect_attempt') attempt = args[0];
    report({ event, args, attempt: attempt > 0 ? attempt : undefined, origin });
    if (event === 'connect') attempt = 0;
  };

  if (generation === 'v2') {
    for (const event of LIFECYCLE_EVENTS) socket.on(event, (...args) => pass(event, args));
    socket.on('error', (...args) => {
      if (!socket.connected) pass('connect_error', args, { kind: 'derived', text: 'derived from “error”' });
    });
    return;
  }

  for (const event of ON_SOCKET) {
    socket.on(event, (...args) => {
      pass(event, args);
      if (event === 'connect_error' && args[0]?.message === 'timeout') pass('connect_timeout', [timeoutMs]);
    });
  }
  for (const event of ON_MANAGER) {
    manager.on(event, (...args) => {
      pass(event, args);
      if (event === 'reconnect_attempt') pass('reconnecting', args);
    });
  }
}
