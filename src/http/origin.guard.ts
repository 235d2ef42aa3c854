import { Injectable, type CanActivate, type ExecutionContext } from '@nestjs/common';
import type { IncomingMessage } from 'node:http';
import { OriginPolicy } from './origin-policy.js';

/** Keeps pages of other origins, and in open mode other machines, away from operators' routes. [A5] [C4] */
@Injectable()
export class OriginGuard implements CanActivate {
  constructor(private readonly policy: OriginPolicy) {}

  canActivate(context: ExecutionContext): boolean {
    const refusal = this.policy.refusalOf(context.switchToHttp().getRequest<IncomingMessage>());
    if (refusal) throw refusal;
    return true;
  }
}

/** The same for the API, which no page of another site opens either: not by a link, an image or a script. [A5] */
@Injectable()
export class ApiOriginGuard implements CanActivate {
  constructor(private readonly policy: OriginPolicy) {}

  canActivate(context: ExecutionContext): boolean {
    const refusal = this.policy.refusalOfApi(context.switchToHttp().getRequest<IncomingMessage>());
    if (refusal) throw refusal;
    return true;
  }
}
