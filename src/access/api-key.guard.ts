import { Inject, Injectable, SetMetadata, type CanActivate, type ExecutionContext } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import type { SwitchboardConfig } from '../config/config.js';
import { SWITCHBOARD_CONFIG } from '../config/config.token.js';
import type { ApiKeyScope } from '../config/credentials.js';
import { SwitchboardError } from '../protocol/errors.js';
import { assertScope, OPEN_ACTOR, type Actor } from './actor.js';
import { ApiKeyRing } from './api-keys.js';

/** A request that the guard has let in knows its actor. */
export interface KeyedRequest {
  readonly headers: { readonly authorization?: string };
  actor?: Actor;
}

const SCOPE = 'switchboard:scope';

/** Names the scope a route needs; `undefined` when any key will do and the route decides further. */
export const RequireScope = (scope: ApiKeyScope | undefined): MethodDecorator & ClassDecorator =>
  SetMetadata(SCOPE, scope);

/** Lets backends in by API key, route by route. In open mode everyone is in. [A4] */
@Injectable()
export class ApiKeyGuard implements CanActivate {
  private readonly keys: ApiKeyRing<ApiKeyScope>;

  constructor(
    @Inject(SWITCHBOARD_CONFIG) private readonly config: SwitchboardConfig,
    private readonly reflector: Reflector,
  ) {
    this.keys = new ApiKeyRing(config.apiKeys);
  }

  canActivate(context: ExecutionContext): boolean {
    const request = context.switchToHttp().getRequest<KeyedRequest>();
    const actor = this.actorOf(request);
    const needed = this.reflector.getAllAndOverride<ApiKeyScope | undefined>(SCOPE, [
      context.getHandler(),
      context.getClass(),
    ]);
    if (needed !== undefined) assertScope(actor, needed);
    request.actor = actor;
    return true;
  }

  private actorOf({ headers }: KeyedRequest): Actor {
    if (this.config.mode === 'open') return OPEN_ACTOR;
    const holder = this.keys.authenticate(headers.authorization);
    if (!holder) throw new SwitchboardError('auth.key_invalid');
    return holder;
  }
}
