import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import { identityOf } from '../../sockets/identity.js';
import type { GatewaySocket } from '../../sockets/socket-state.js';

/**
 * The user of the socket whose event a gateway's method handles.
 *
 * ```ts
 * @SubscribeMessage('order:place')
 * place(@User() user: string, @MessageBody() order: Order) { … }
 * ```
 *
 * For what others see of the user, and outside of handlers: `identityOf(socket)`.
 *
 * @see T2
 */
export const User: () => ParameterDecorator = createParamDecorator(
  (_: unknown, context: ExecutionContext): string =>
    identityOf(context.switchToWs().getClient<GatewaySocket>()).user,
);
