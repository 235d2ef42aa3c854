import {
  createParamDecorator,
  Inject,
  Injectable,
  SetMetadata,
  type CanActivate,
  type ExecutionContext,
} from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import type { SwitchboardConfig } from '../config/config.js';
import { SWITCHBOARD_CONFIG } from '../config/config.token.js';
import { API_KEY_SCOPES, type ApiKeyScope } from '../config/credentials.js';
import { SwitchboardError } from '../protocol/errors.js';
import { ApiKeyRing } from './api-keys.js';

/** What a backend may do with its key. */
export type Scopes = ReadonlySet<ApiKeyScope>;

interface KeyedRequest {
  readonly headers: { readonly authorization?: string };
  scopes?: Scopes;
  /** The name of its API key; none in open mode, where all callers are one. */
  caller?: string;
}

const SCOPE = 'switchboard:scope';

/** Open mode: everyone may do everything. [C4] */
const EVERY_SCOPE: Scopes = new Set(API_KEY_SCOPES);

/** Names the scope a route needs; `undefined` when any key will do and the route decides further. */
export const RequireScope = (scope: ApiKeyScope | undefined): MethodDecorator & ClassDecorator =>
  SetMetadata(SCOPE, scope);

/** The scopes of whoever made the request. */
export const CallerScopes = createParamDecorator(
  (_: unknown, context: ExecutionContext): Scopes =>
    context.switchToHttp().getRequest<KeyedRequest>().scopes ?? new Set(),
);

/** @throws SwitchboardError `access.denied` when the scope is missing */
export function assertScope(scopes: Scopes, scope: ApiKeyScope): void {
  if (scopes.has(scope)) return;
  throw new SwitchboardError('access.denied', { message: `the API key lacks the scope ${scope}` });
}

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
    const scopes = this.scopesOf(request);
    const needed = this.reflector.getAllAndOverride<ApiKeyScope | undefined>(SCOPE, [
      context.getHandler(),
      context.getClass(),
    ]);
    if (needed !== undefined) assertScope(scopes, needed);
    request.scopes = scopes;
    return true;
  }

  private scopesOf(request: KeyedRequest): Scopes {
    if (this.config.mode === 'open') return EVERY_SCOPE;
    const holder = this.keys.authenticate(request.headers.authorization);
    if (!holder) throw new SwitchboardError('auth.key_invalid');
    request.caller = holder.name;
    return holder.scopes;
  }
}
