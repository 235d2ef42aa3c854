/**
 * What another service of Nest uses to reach a gateway by messages; needs `@nestjs/microservices`, and no Socket.IO. [N2]
 */
export {
  SwitchboardClientModule,
  type SwitchboardClientAsyncOptions,
  type SwitchboardClientOptions,
} from './client.module.js';
export { Broadcaster } from '../../delivery/broadcaster.js';
export { SocketRegistry } from '../../registry/socket-registry.js';
export { SocketControl, type RevokedTokens } from '../../backend/socket-control.js';
export { RoomHistory, type HistoryQuery } from '../../backend/room-history.js';
export { ERRORS, SwitchboardError, type ErrorCode, type ErrorObject } from '../../protocol/errors.js';
