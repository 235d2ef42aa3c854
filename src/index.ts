/**
 * The public API. What is not named here is internal and may change without notice.
 */
export {
  SwitchboardModule,
  type SwitchboardAsyncOptions,
  type SwitchboardModuleOptions,
} from './switchboard.module.js';
export { setupSwitchboard } from './setup-switchboard.js';
export type { AppIdentity, AuthorizationRequest, ClientHandshake, LoginOptions } from './access/app-login.js';
export type { Capability, RoomAction } from './protocol/capabilities.js';
export { SwitchboardApiModule } from './api/api.module.js';
export { OperationsModule } from './operations/operations.module.js';
export { ConsoleModule } from './console/console.module.js';
export { PlaygroundModule } from './playground/playground.module.js';

export { SocketRegistry } from './registry/socket-registry.js';
export type { RegistryChange, RegistryChangeType } from './registry/registry-changes.js';
export { OnSwitchboard } from './gateway/nest/on-switchboard.decorator.js';
export type {
  BlockEntry,
  MemberEntry,
  NodeEntry,
  Page,
  RoomEntry,
  SocketEntry,
  Stats,
  UserCount,
  UserEntry,
} from './protocol/entries.js';
export type { PageRequest } from './protocol/paging.js';
export type { SocketFilter } from './registry/local-registry.js';
export { identityOf, type SocketIdentity } from './sockets/identity.js';
export type { GatewaySocket } from './sockets/socket-state.js';
export { User } from './gateway/nest/user.decorator.js';

export { SocketControl, type RevokedTokens } from './backend/socket-control.js';
export { RoomHistory, type HistoryQuery } from './backend/room-history.js';
export type { HistoryAnswer } from './rooms/history.service.js';
export type { HistoryEntry } from './engine/log.js';

export { Broadcaster } from './delivery/broadcaster.js';
export type { Acknowledged, Published, PublishRequest } from './delivery/publish-request.js';
export {
  PublicationBuilder,
  type AckOptions,
  type DefaultEvents,
  type EventMap,
} from './delivery/publication-builder.js';
export type { MissingReceipt, Receipt, Receipts } from './engine/engine.js';
export type { JsonValue } from './protocol/json.js';
export type { Position, Selection, Subject, Target } from './protocol/publication.js';

export {
  ERRORS,
  SwitchboardError,
  type ErrorCode,
  type ErrorDefinition,
  type ErrorDetails,
  type ErrorObject,
  type InputIssue,
} from './protocol/errors.js';
export {
  ConfigError,
  type ConfigProblem,
  type SwitchboardConfig,
  type SwitchboardOptions,
} from './config/config.js';
