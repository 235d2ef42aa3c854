import type { Stamp } from '../engine/log.js';
import type { Publication } from '../protocol/publication.js';
import type { GatewaySocket } from '../sockets/socket-state.js';
import type { AckRequestEncodings, Encodings } from './encoding.js';

/**
 * Where a publication stands for the sockets that track positions: its place; `later` where shared state has not told
 * it yet; `here` for one that stays on this node and has none.
 */
export type Place = Stamp | 'later' | 'here';

/**
 * A publication of this node whose place is not known yet, and the sockets that it was for when it was accepted. They
 * get it when the place is known, wherever they are by then: what the node does to them meanwhile comes behind it. [D4]
 */
export class UnplacedDelivery {
  readonly sockets = new Set<GatewaySocket>();
  private behind: Map<GatewaySocket, (() => void)[]> | undefined;

  constructor(
    readonly publication: Publication,
    /** Its forms; those of one that asks for an acknowledgement carry no cursor. */
    readonly encodings: Encodings | AckRequestEncodings,
  ) {}

  /** Has something said to a socket as soon as the publication has been given to it. */
  sayBehind(socket: GatewaySocket, say: () => void): void {
    this.behind ??= new Map();
    const others = this.behind.get(socket);
    if (others) others.push(say);
    else this.behind.set(socket, [say]);
  }

  /** Takes the socket off and gives back what is to be said to it next. */
  done(socket: GatewaySocket): readonly (() => void)[] {
    this.sockets.delete(socket);
    return this.behind?.get(socket) ?? [];
  }
}
