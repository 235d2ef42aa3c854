import { Injectable, Logger } from '@nestjs/common';
import { Metrics } from '../telemetry/metrics.js';
import { socketState, type GatewaySocket } from '../sockets/socket-state.js';
import { signsOf } from '../delivery/vitals.js';
import { closeCodeOf, unsentBytes } from '../platform/engine-connection.js';
import { hasNoSocket } from '../platform/socket-of-io.js';
import { reasonOf, reasonWord } from '../sockets/disconnect-reasons.js';

const CONTEXT = 'Gateway';

/** The log lines and counts of sockets that connected and disconnected, with the reason. [L6] */
@Injectable()
export class ConnectionLog {
  /** Without a context of its own, which Nest would put behind the fields of each line by making a new list of them. */
  private readonly logger = new Logger();

  constructor(private readonly metrics: Metrics) {}

  connected(socket: GatewaySocket): void {
    this.metrics.connected();
    if (Logger.isLevelEnabled('log')) this.logger.log('a user connected', describe(socket), CONTEXT);
  }

  /**
   * @param socketIoReason Socket.IO's word
   * @param description what the transport said, for example that a message was too large [Q2]
   */
  disconnected(socket: GatewaySocket, socketIoReason: string, description: unknown): void {
    const state = socketState(socket);
    const transportReason = reasonWord(socketIoReason);
    const reason = reasonOf(state, socketIoReason, description);
    const { lastPongAgoMs, idleMs, eventsIn, eventsOut, bytesIn, bytesOut } = signsOf(socket.conn);
    this.metrics.disconnected(reason);
    if (isLast(socket)) this.metrics.transferred(bytesIn ?? 0, bytesOut ?? 0);
    if (!Logger.isLevelEnabled('log')) return;
    const fields = describe(socket);
    fields['reason'] = reason;
    if (reason !== transportReason) fields['transportReason'] = transportReason;
    fields['durationMs'] = Date.now() - state.connectedAt;
    const closeCode = closeCodeOf(socket.conn);
    if (closeCode !== undefined) fields['closeCode'] = closeCode;
    if (idleMs !== null) fields['idleMs'] = idleMs;
    if (lastPongAgoMs !== null) fields['lastPongAgoMs'] = lastPongAgoMs;
    fields['eventsIn'] = eventsIn;
    fields['eventsOut'] = eventsOut;
    fields['unsentBytes'] = unsentBytes(socket.conn);
    this.logger.log('a user disconnected', fields, CONTEXT);
  }
}

/** A connection carries sockets of several namespaces; what it transferred counts once. */
const isLast = ({ client }: GatewaySocket): boolean => hasNoSocket(client);

function describe(socket: GatewaySocket): Record<string, unknown> {
  const { user, address } = socketState(socket);
  const { conn } = socket;
  const fields: Record<string, unknown> = { socketId: socket.id, user };
  if (socket.nsp.name !== '/') fields['namespace'] = socket.nsp.name;
  fields['transport'] = conn.transport.name;
  fields['protocol'] = conn.protocol;
  fields['address'] = address;
  if (socket.recovered) fields['recovered'] = true;
  return fields;
}
