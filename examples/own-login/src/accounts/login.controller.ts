import {
  Body,
  Controller,
  Delete,
  Headers,
  HttpCode,
  Post,
  Res,
  UnauthorizedException,
} from '@nestjs/common';
import type { ServerResponse } from 'node:http';
import { SocketControl } from 'switchboard-gateway';
import { Accounts } from './accounts.js';
import { sessionIn } from './session-cookie.js';

/** The login as any app has it: a cookie that scripts cannot read. */
@Controller('login')
export class LoginController {
  constructor(
    private readonly accounts: Accounts,
    private readonly control: SocketControl,
  ) {}

  @Post()
  @HttpCode(204)
  logIn(
    @Body() { user, password }: { user?: unknown; password?: unknown },
    @Res({ passthrough: true }) response: ServerResponse,
  ): void {
    const session = this.accounts.logIn(String(user), String(password));
    if (session === undefined) throw new UnauthorizedException('wrong name or password');
    response.setHeader('Set-Cookie', `session=${session}; HttpOnly; SameSite=Strict; Path=/`);
  }

  /** The open sockets of the user end with its session. */
  @Delete()
  @HttpCode(204)
  async logOut(@Headers('cookie') cookies: string | undefined): Promise<void> {
    const login = this.accounts.logOut(sessionIn(cookies) ?? '');
    if (login) await this.control.disconnect({ user: login.user });
  }
}
