import { Global, Module, type Provider } from '@nestjs/common';
import { OriginPolicy } from '../http/origin-policy.js';
import { ApiAccess } from './api-access.js';
import { AppAuthorization } from './app-authorization.js';
import { Authenticator } from './authenticator.js';
import { RefusedKeys } from './refused-keys.js';
import { RevocationList } from './revocation-list.js';
import { RevocationService } from './revocation.service.js';
import { Rights } from './rights.js';
import { RoomEntrance } from './room-entrance.js';

const PROVIDERS: Provider[] = [
  OriginPolicy,
  RefusedKeys,
  ApiAccess,
  { provide: RevocationList, useFactory: () => new RevocationList() },
  RevocationService,
  Authenticator,
  AppAuthorization,
  Rights,
  RoomEntrance,
];

/** Tokens, API keys, rights and revocations. */
@Global()
@Module({ providers: PROVIDERS, exports: PROVIDERS })
export class AccessModule {}
