import { Injectable, Logger } from '@nestjs/common';
import { Metrics } from '../telemetry/metrics.js';
import { socketState, type GatewaySocket } from '../sockets/socket-state.js';

/** Says who came and who went, and why. [L6] */
@Injectable()
export class ConnectionLog {
  private readonly logger = new Logger('Gateway');

  constructor(private readonly metrics: Metrics) {}

  connected(socket: GatewaySocket): void {
    this.metrics.connected();
    if (Logger.isLevelEnabled('log')) this.logger.log('a user connected', describe(socket));
  }

  /** @param cause what the transport said, for example that a message was too large [Q2] */
  disconnected(socket: GatewaySocket, transportReason: string, cause: string | undefined): void {
    const { endedWith, connectedAt } = socketState(socket);
    const reason = endedWith ?? cause ?? transportReason;
    this.metrics.disconnected(reason);
    if (!Logger.isLevelEnabled('log')) return;
    const fields = describe(socket);
    fields['reason'] = reason;
    if (reason !== transportReason) fields['transportReason'] = transportReason;
    fields['durationMs'] = Date.now() - connectedAt;
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
