import { Body, Delete, Get, HttpCode, Param, Post, Put, Query } from '@nestjs/common';
import type { z } from 'zod';
import type { Call } from '../backend/call.js';
import { revokeRequest } from '../backend/command.schemas.js';
import { CommandRunner } from '../backend/command-runner.js';
import type { CommandResult } from '../backend/commands.js';
import { blockEntry } from '../protocol/entries.js';
import type { Answer } from '../engine/log.js';
import { ApiCall } from './api-call.decorator.js';
import { ApiController, ApiRoute } from './api-route.decorator.js';
import { pageOf, pageQuery, userPath } from './schemas.js';

type UserPath = z.output<typeof userPath>;

@ApiController('Access', 'v1')
export class AccessController {
  constructor(private readonly commands: CommandRunner) {}

  @Get('blocks')
  @ApiRoute('blocks', 'List the users that are blocked', { 200: pageOf(blockEntry) })
  blocks(
    @Query({ schema: pageQuery }) query: z.output<typeof pageQuery>,
    @ApiCall() call: Call,
  ): Answer<CommandResult<'blocks'>> {
    return this.commands.run('blocks', query, call);
  }

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
