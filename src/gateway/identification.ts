import { Injectable } from '@nestjs/common';
import type { ClientHandshake } from '../access/app-login.js';
import { Authenticator, isAbsent, type Credentials } from '../access/authenticator.js';
import { mayStayWithoutSocket } from '../platform/socket-io-client.js';
import { SwitchboardError } from '../protocol/errors.js';
import type { Arriving, Participant } from '../sockets/participants.js';
import type { GatewaySocket, Identity } from '../sockets/socket-state.js';

const ENGINE_PROTOCOL_OF_V2 = 3;

/** Settles who a socket on its way in belongs to, by what its client presents. [L2] [A1] */
@Injectable()
export class Identification implements Participant {
  constructor(private readonly authenticator: Authenticator) {}

  /** @throws SwitchboardError, or rejects with one, with the reason to refuse the client */
  arriving(arriving: Arriving): Promise<void> | void {
    const who = this.ask(arriving);
    if (!(who instanceof Promise)) {
      arriving.identify(who);
      return;
    }
    return who.then((known) => {
      if (!arriving.isOver) arriving.identify(known);
    });
  }

  private ask(arriving: Arriving): Identity | Promise<Identity> {
    const { authenticator } = this;
    if (authenticator.asksApp) return authenticator.authenticateByApp(handshakeOf(arriving));
    const credentials = credentialsOf(arriving.socket);
    if (!authenticator.asksBackend(credentials)) return authenticator.authenticate(credentials);
    // Its turn may come late where many ask at once; that it has no socket until then is not its fault. [L11]
    arriving.mayTake(authenticator.longestWaitMs);
    mayStayWithoutSocket(arriving.socket);
    return authenticator.authenticateByBackend(handshakeOf(arriving), () => !arriving.isOver);
  }
}

function handshakeOf({ socket, address }: Arriving): ClientHandshake {
  const { query, headers } = socket.handshake;
  return { auth: presentedBy(socket), query, headers, address, namespace: socket.nsp.name };
}

/** `auth`, or for 2.x clients, which have none, the query. [A1] */
export function credentialsOf(socket: GatewaySocket): Credentials {
  const { headers } = socket.handshake;
  const given = presentedBy(socket);
  return {
    token: isAbsent(given['token']) ? bearerOf(headers.authorization) : given['token'],
    user: given['user'],
    info: socket.conn.protocol === ENGINE_PROTOCOL_OF_V2 ? parseInfo(given['info']) : given['info'],
  };
}

function presentedBy(socket: GatewaySocket): Record<string, unknown> {
  const { auth, query } = socket.handshake;
  return socket.conn.protocol === ENGINE_PROTOCOL_OF_V2 ? { ...query, ...auth } : (auth ?? {});
}

const bearerOf = (header: string | undefined): string | undefined =>
  header === undefined ? undefined : /^Bearer +(\S+)$/i.exec(header)?.[1];

function parseInfo(info: unknown): unknown {
  if (typeof info !== 'string' || info === '') return undefined;
  try {
    return JSON.parse(info) as unknown;
  } catch {
    throw new SwitchboardError('payload.invalid', { errors: [{ path: 'info', message: 'expected JSON' }] });
  }
}
