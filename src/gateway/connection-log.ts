import { Injectable, Logger } from '@nestjs/common';
import { Metrics } from '../telemetry/metrics.js';
import type { Participant } from '../sockets/participants.js';
import { socketState, type GatewaySocket, type SocketState } from '../sockets/socket-state.js';
import { signsOf } from '../delivery/vitals.js';
import { unsentBytes, type WritableConnection } from '../limits/unsent.js';
import { causeOf, closeCodeOf } from './disconnect-cause.js';

/** Says who came and who went, and why. [L6] */
@Injectable()
export class ConnectionLog implements Participant {
  private readonly logger = new Logger('Gateway');

  constructor(private readonly metrics: Metrics) {}

  connected(socket: GatewaySocket): void {
    this.metrics.connected();
    if (Logger.isLevelEnabled('log')) this.logger.log('a user connected', describe(socket));
  }

  /**
   * Written when the connection hooks of the app have ended too, as its disconnect hooks run.
   *
   * @param description what the transport said, for example that a message was too large [Q2]
   */
  ended(state: SocketState, reason: string, description: unknown): void {
    const write = (): void => this.disconnected(state, reason, description);
    const opened = state.inbox?.opened;
    if (opened) void opened.then(write);
    else write();
  }

  private disconnected(
    { socket, endedWith, connectedAt }: SocketState,
    transportReason: string,
    description: unknown,
  ): void {
    const reason = endedWith ?? causeOf(socket, description) ?? transportReason;
    this.metrics.disconnected(reason);
    if (!Logger.isLevelEnabled('log')) return;
    const fields = describe(socket);
    fields['reason'] = reason;
    if (reason !== transportReason) fields['transportReason'] = transportReason;
    fields['durationMs'] = Date.now() - connectedAt;
    const closeCode = closeCodeOf(socket.conn);
    if (closeCode !== undefined) fields['closeCode'] = closeCode;
    const { lastPongAgoMs, idleMs, eventsIn, eventsOut } = signsOf(socket.conn);
    if (idleMs !== null) fields['idleMs'] = idleMs;
    if (lastPongAgoMs !== null) fields['lastPongAgoMs'] = lastPongAgoMs;
    fields['eventsIn'] = eventsIn;
    fields['eventsOut'] = eventsOut;
    fields['unsentBytes'] = unsentBytes(socket.conn as unknown as WritableConnection);
    this.logger.log('a user disconnected', fields);
  }
}

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
