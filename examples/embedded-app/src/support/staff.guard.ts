import { Injectable, type CanActivate, type ExecutionContext } from '@nestjs/common';
import type { GatewaySocket } from 'switchboard-gateway';

/** Lets only those in whose token says `info: {role: "staff"}`. */
@Injectable()
export class StaffGuard implements CanActivate {
  canActivate(context: ExecutionContext): boolean {
    const { info } = context.switchToWs().getClient<GatewaySocket>().data;
    return typeof info === 'object' && info !== null && 'role' in info && info['role'] === 'staff';
  }
}
