import { Injectable, SetMetadata, type CanActivate, type ExecutionContext } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import type { ApiKeyScope } from '../config/credentials.js';
import { ApiAccess, type KeyedRequest } from './api-access.js';

const SCOPE = 'switchboard:scope';

/** Names the scope a route needs; `undefined` when any key will do and the route decides further. */
export const RequireScope = (scope: ApiKeyScope | undefined): MethodDecorator & ClassDecorator =>
  SetMetadata(SCOPE, scope);

/** The scope that a route's method was given by {@link RequireScope}. */
export const scopeNeededBy = (method: object): ApiKeyScope | undefined =>
  Reflect.getMetadata(SCOPE, method) as ApiKeyScope | undefined;

/** Lets backends in by API key, route by route. [A4] */
@Injectable()
export class ApiKeyGuard implements CanActivate {
  /** By the method of a route. */
  private readonly scopes = new WeakMap<object, { readonly scope: ApiKeyScope | undefined }>();

  constructor(
    private readonly access: ApiAccess,
    private readonly reflector: Reflector,
  ) {}

  canActivate(context: ExecutionContext): boolean {
    const method = context.getHandler();
    let known = this.scopes.get(method);
    if (!known) {
      const scope = this.reflector.getAllAndOverride<ApiKeyScope | undefined>(SCOPE, [
        method,
        context.getClass(),
      ]);
      this.scopes.set(method, (known = { scope }));
    }
    this.access.admit(context.switchToHttp().getRequest<KeyedRequest>(), known.scope);
    return true;
  }
}
