import { Injectable, type CanActivate, type ExecutionContext } from '@nestjs/common';
import type { IncomingMessage } from 'node:http';
import { OriginPolicy } from './origin-policy.js';

/** Keeps pages of other origins, and in open mode other machines, away from the API. [A5] [C4] */
@Injectable()
export class OriginGuard implements CanActivate {
  constructor(private readonly policy: OriginPolicy) {}

  canActivate(context: ExecutionContext): boolean {
    const refusal = this.policy.refusalOf(context.switchToHttp().getRequest<IncomingMessage>());
    if (refusal) throw refusal;
    return true;
  }
}
