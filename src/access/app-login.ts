import type { IncomingHttpHeaders } from 'node:http';
import type { Capability, RoomAction } from '../protocol/capabilities.js';
import type { JsonValue } from '../protocol/json.js';

/** What a client presented when it asked to enter a namespace. */
export interface ClientHandshake {
  /** What the client gives as `auth`; for 2.x clients, which have none, its query. From outside: trust none of it. */
  readonly auth: Readonly<Record<string, unknown>>;
  readonly query: Readonly<Record<string, string | string[] | undefined>>;
  /** Of its first HTTP request: session cookies are here. */
  readonly headers: Readonly<IncomingHttpHeaders>;
  /** The client's address; behind trusted proxies the one they name. */
  readonly address: string;
  readonly namespace: string;
}

/** The identity of a client, as the app's own login says. */
export interface AppIdentity {
  /** 1 to 128 characters without control characters. */
  readonly user: string;
  /** What others see of the user; at most 1 KiB of JSON. Default `null`. */
  readonly info?: JsonValue;
  /** What the user may do in which rooms, where the app gives no `authorize`. Default: nothing. */
  readonly caps?: readonly Capability[];
  /** When the socket is to end with `auth.token_expired`; RFC 3339 where it is text. Default: never. */
  readonly expiresAt?: Date | string;
}

/** Asks whether a user may do something in a room. */
export interface AuthorizationRequest {
  readonly user: string;
  readonly room: string;
  readonly action: RoomAction;
}

/**
 * What an app that embeds the gateway says of the login of its clients.
 *
 * Options of `forRoot` that are no keys of the configuration: they are the app's code, or hold for one app only.
 */
export interface LoginOptions {
  /**
   * In open mode `auth.user` and `auth.info` say who a client is, without proof: for development and trusted networks.
   *
   * Default `false`: clients are anonymous, so that nobody becomes `admin` by saying so in an app that has a login of its
   * own. The service, which has none, has `true`. No effect in secured mode, where the token says it.
   */
  readonly clientsNameThemselves?: boolean;

  /**
   * The app's own login, in place of tokens: who is this client? `null` refuses it with `access.denied`.
   *
   * Awaited before the client sees `connect`, at most `handlerTimeoutMs`. A `SwitchboardError`, `WsException` or
   * `HttpException` that is thrown is what the client gets; anything else is logged and refuses it with `internal`. With
   * it, clients of other machines are served although no JWT key is set.
   * @see N7
   */
  readonly authenticate?: (
    handshake: ClientHandshake,
  ) => AppIdentity | null | undefined | Promise<AppIdentity | null | undefined>;

  /**
   * The app's own rights, in place of `caps`: may this user do this in this room? Only `true` allows it.
   *
   * Asked for each request of a client that needs it, awaited at most `handlerTimeoutMs`; a failure is logged and answers
   * `internal`. A client that comes back with its session is in its rooms again without being asked for: whom the app shuts
   * out it takes out of the room.
   * @see N7
   */
  readonly authorize?: (request: AuthorizationRequest) => boolean | Promise<boolean>;
}

/** The token under which {@link LoginOptions} are injected. */
export const LOGIN_OPTIONS = Symbol('SWITCHBOARD_LOGIN_OPTIONS');

/** Takes what is about the login off the options of the module; the rest are keys of the configuration. */
export function splitLogin<Options extends LoginOptions>(
  options: Options,
): { login: LoginOptions; config: Omit<Options, keyof LoginOptions> } {
  const { clientsNameThemselves, authenticate, authorize, ...config } = options;
  return { login: { clientsNameThemselves, authenticate, authorize }, config };
}
