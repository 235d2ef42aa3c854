import { Body, Delete, HttpCode, Param, Post, Put } from '@nestjs/common';
import type { z } from 'zod';
import type { Call } from '../backend/call.js';
import { revokeRequest } from '../backend/command.schemas.js';
import { CommandRunner } from '../backend/command-runner.js';
import { ApiCall } from './api-call.decorator.js';
import { ApiController, ApiRoute } from './api-route.decorator.js';
import { userPath } from './schemas.js';

type UserPath = z.output<typeof userPath>;

@ApiController('Access', 'v1')
export class AccessController {
  constructor(private readonly commands: CommandRunner) {}

  @Put('users/:user/block')
  @HttpCode(204)
  @ApiRoute('block', 'Block a user and end its sockets', { 204: 'It is blocked' })
  async block(@Param({ schema: userPath }) path: UserPath, @ApiCall() call: Call): Promise<void> {
    await this.commands.run('block', path, call);
  }

  @Delete('users/:user/block')
  @HttpCode(204)
  @ApiRoute('unblock', 'Unblock a user', { 204: 'It is not blocked' })
  async unblock(@Param({ schema: userPath }) path: UserPath, @ApiCall() call: Call): Promise<void> {
    await this.commands.run('unblock', path, call);
  }

  @Post('tokens/revoke')
  @HttpCode(204)
  @ApiRoute('revoke', 'Revoke a token, or all that a user was given before a time', { 204: 'Revoked' })
  async revoke(
    @Body({ schema: revokeRequest }) request: z.output<typeof revokeRequest>,
    @ApiCall() call: Call,
  ): Promise<void> {
    await this.commands.run('revoke', request, call);
  }
}
