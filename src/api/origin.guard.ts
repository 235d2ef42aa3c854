import { Inject, Injectable, type CanActivate, type ExecutionContext } from '@nestjs/common';
import type { Request } from 'express';
import { isOriginAllowed } from '../access/origins.js';
import type { SwitchboardConfig } from '../config/config.js';
import { SWITCHBOARD_CONFIG } from '../config/config.token.js';
import { isLoopback } from '../limits/address.js';
import { SwitchboardError } from '../protocol/errors.js';

/** Keeps pages of other origins, and in open mode other machines, away from the API. [A5] [C4] */
@Injectable()
export class OriginGuard implements CanActivate {
  constructor(@Inject(SWITCHBOARD_CONFIG) private readonly config: SwitchboardConfig) {}

  canActivate(context: ExecutionContext): boolean {
    const request = context.switchToHttp().getRequest<Request>();
    const { mode, open, corsOrigins } = this.config;
    if (mode === 'open' && !open && !isLoopback(request.socket.remoteAddress ?? '')) {
      throw new SwitchboardError('access.denied', { message: 'open mode serves this machine only' });
    }
    const { origin, host } = request.headers;
    const allowed = isOriginAllowed({
      origin,
      host,
      secure: request.secure,
      allowed: corsOrigins,
      mode,
      open,
    });
    if (!allowed) throw new SwitchboardError('origin.refused');
    return true;
  }
}
