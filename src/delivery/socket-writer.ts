import { tellOutgoingListeners, writeEncoded } from '../platform/socket-of-io.js';
import type { GatewaySocket } from '../sockets/socket-state.js';
import { bytesOf, type Encoding } from './encoding.js';
import type { Backlog } from './replay.js';
import { isReady, type TurnWriter } from './turn-writer.js';
import { noteSent } from './vitals.js';

/** What ends sockets that do not read in time. [Q3] */
export interface Backlogs {
  /** Told of every socket that was written to past the writer. */
  check(socket: GatewaySocket): void;
  /** Told of what a client is sent because it asked for it, where that is a lot, before it is written. */
  asked(socket: GatewaySocket, bytes: number): void;
  backlogOf(socket: GatewaySocket): Backlog;
  /** Told of every volatile publication that a socket was not ready for. [D10] */
  dropped(socket: GatewaySocket): void;
}

/** Smaller ones are like everything else that a socket is sent. */
const LARGE_ANSWER_BYTES = 65_536;

/** Writes to sockets what is encoded: with all else of the turn where the connection allows it, else by Socket.IO's own path. */
export class SocketWriter {
  constructor(
    private readonly turn: TurnWriter,
    private readonly backlogs: Backlogs,
  ) {}

  /**
   * Writes a publication; a volatile one only where the socket can take it now. [D5]
   * @returns whether it was collected for the end of the turn
   */
  put(socket: GatewaySocket, encoding: Encoding, volatile: boolean): boolean {
    tellOutgoingListeners(socket, encoding.packet);
    const { conn } = socket;
    if (volatile && !isReady(conn)) {
      this.backlogs.dropped(socket);
      return false;
    }
    if (encoding.frame !== undefined && this.turn.collect(conn, encoding.frame)) return true;
    noteSent(conn);
    writeEncoded(socket, encoding.packets, volatile ? { ...encoding.options, volatile } : encoding.options);
    this.backlogs.check(socket);
    return false;
  }

  /** Writes what a client gets because it has asked for it. */
  answer(socket: GatewaySocket, encoding: Encoding): void {
    const bytes = bytesOf(encoding);
    if (bytes > LARGE_ANSWER_BYTES) this.backlogs.asked(socket, bytes);
    if (encoding.frame && this.turn.collect(socket.conn, encoding.frame)) return;
    noteSent(socket.conn);
    writeEncoded(socket, encoding.packets, encoding.options);
  }

  backlogOf(socket: GatewaySocket): Backlog {
    return this.backlogs.backlogOf(socket);
  }
}
