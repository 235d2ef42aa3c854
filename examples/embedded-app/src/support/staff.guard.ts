import { Injectable, type CanActivate, type ExecutionContext } from '@nestjs/common';
import { identityOf, type GatewaySocket } from 'switchboard-gateway';

/** Lets only those in whose token says `info: {role: "staff"}`. */
@Injectable()
export class StaffGuard implements CanActivate {
  canActivate(context: ExecutionContext): boolean {
    const { info } = identityOf(context.switchToWs().getClient<GatewaySocket>());
    return typeof info === 'object' && info !== null && 'role' in info && info['role'] === 'staff';
  }
}
