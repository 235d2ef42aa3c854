import type { ErrorCode } from '../protocol/errors.js';
import type { SocketState } from './socket-state.js';
import { causeOf } from './disconnect-cause.js';

/** What Socket.IO calls the ways in which a connection can end without anybody having meant it. */
const BROKEN: ReadonlySet<string> = new Set([
  'transport error',
  'transport close',
  'ping timeout',
  'parse error',
  'forced close',
  'forced server close',
  'server shutting down',
]);

/**
 * Whether a client whose socket ended like this comes back by itself, and so may find its session and is not yet gone
 * for those who watch its rooms. [H4] [M4]
 *
 * A gateway that ends a socket and lets it come back closes the transport; one that does not disconnects it. [L7]
 */
export const comesBack = (reason: string): boolean => BROKEN.has(reason);

/** The ends of sockets whose clients may ask for nothing any longer, not by what they have sent before either. [A7] */
const SHUT_OUT: ReadonlySet<ErrorCode> = new Set([
  'auth.revoked',
  'auth.token_expired',
  'kicked',
  'limit.rate',
]);

/** Whether what a socket has sent, and nobody has looked at yet, goes with it. */
export const isShutOut = ({ endedWith }: SocketState): boolean =>
  endedWith !== undefined && SHUT_OUT.has(endedWith);

/** Socket.IO's words for the end of a socket, as they are written: one word, whatever reads it. */
export const TRANSPORT_REASONS = [
  'transport_error',
  'transport_close',
  'ping_timeout',
  'parse_error',
  'forced_close',
  'forced_server_close',
  'server_shutting_down',
  'client_namespace_disconnect',
  'server_namespace_disconnect',
] as const;

/** By what Socket.IO calls them; looked up for each socket that ends. */
const WORDS: ReadonlyMap<string, string> = new Map(
  TRANSPORT_REASONS.map((word) => [word.replaceAll('_', ' '), word]),
);

/** A reason of Socket.IO as one word. */
export const reasonWord = (transportReason: string): string =>
  WORDS.get(transportReason) ?? transportReason.replaceAll(' ', '_');

/**
 * Why a socket ended, in the one vocabulary of log, metrics and flight record: a code of the gateway where it was the
 * gateway that ended it, else a word of {@link TRANSPORT_REASONS}.
 */
export const reasonOf = (state: SocketState, transportReason: string, description: unknown): string =>
  state.endedWith ?? causeOf(state.socket, description) ?? reasonWord(transportReason);
