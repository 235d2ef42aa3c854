/** Every event name of the gateway's own protocol, once. */

/** Requests a client may send; each is answered. [M1] */
export const REQUEST = {
  roomJoin: 'room:join',
  roomLeave: 'room:leave',
  roomEmit: 'room:emit',
  roomMembers: 'room:members',
  roomHistory: 'room:history',
  socketInfo: 'socket:info',
  authRefresh: 'auth:refresh',
} as const;

/** Events the gateway itself sends. */
export const NOTICE = {
  /** Before the gateway ends a socket. [L7] */
  serverDisconnect: 'server:disconnect',
  /** A request without acknowledgement failed. [M1] */
  exception: 'exception',
  /** Users entered or left a room. [M4] */
  roomPresence: 'room:presence',
  /** The token ends soon. [A3] */
  authExpiring: 'auth:expiring',
} as const;
