import { Inject, Injectable } from '@nestjs/common';
import type { SwitchboardConfig } from '../config/config.js';
import { SWITCHBOARD_CONFIG } from '../config/config.token.js';
import type { RoomAction } from '../protocol/capabilities.js';
import { SwitchboardError } from '../protocol/errors.js';
import { userRoom } from '../protocol/names.js';
import { socketState, type GatewaySocket } from '../sockets/socket-state.js';
import { LOGIN_OPTIONS, type LoginOptions } from './app-login.js';
import { withinTime } from '../timers/within-time.js';

/** Asks an app that decides by itself what its users may do in rooms. [N7] */
@Injectable()
export class AppAuthorization {
  constructor(
    @Inject(SWITCHBOARD_CONFIG) private readonly config: SwitchboardConfig,
    @Inject(LOGIN_OPTIONS) private readonly login: LoginOptions,
  ) {}

  /**
   * Resolves when the app allows all of it; `undefined` where the app does not decide.
   *
   * It has a time of its own, so that a late answer is not taken after the client was told that there is none.
   * @throws SwitchboardError `access.denied`
   */
  ask(socket: GatewaySocket, room: string, ...actions: readonly RoomAction[]): Promise<void> | undefined {
    const { authorize } = this.login;
    const { user } = socketState(socket);
    if (!authorize || room === userRoom(user)) return undefined;
    const asked = actions.map(async (action) => (await authorize({ user, room, action })) === true);
    const timeoutMs = this.config.handlerTimeoutMs;
    const tooLate = `authorize did not answer within ${timeoutMs} ms`;
    return withinTime(Promise.all(asked), timeoutMs, tooLate).then((allowed) => {
      if (!allowed.every(Boolean)) throw new SwitchboardError('access.denied');
    });
  }
}
