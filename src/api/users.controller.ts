import { Delete, Get, HttpCode, Param, Put, Query } from '@nestjs/common';
import type { z } from 'zod';
import type { Call } from '../backend/call.js';
import { CommandRunner } from '../backend/command-runner.js';
import type { CommandResult } from '../backend/commands.js';
import { userCount, userEntry } from '../protocol/entries.js';
import type { Answer } from '../engine/log.js';
import { ApiCall } from './api-call.decorator.js';
import { ApiController, ApiRoute } from './api-route.decorator.js';
import { disconnectedAnswer, disconnectQuery, pageOf, pageQuery, userPath, userRoomPath } from './schemas.js';

type UserPath = z.output<typeof userPath>;
type UserRoomPath = z.output<typeof userRoomPath>;

@ApiController('Users', 'v1/users')
export class UsersController {
  constructor(private readonly commands: CommandRunner) {}

  @Get()
  @ApiRoute('users', 'List online users', { 200: pageOf(userCount) }, ['payload.invalid'])
  list(
    @Query({ schema: pageQuery }) query: z.output<typeof pageQuery>,
    @ApiCall() call: Call,
  ): Answer<CommandResult<'users'>> {
    return this.commands.run('users', query, call);
  }

  @Get(':user')
  @ApiRoute('user', 'One user; an unknown user is offline', { 200: userEntry }, ['payload.invalid'])
  get(@Param({ schema: userPath }) path: UserPath, @ApiCall() call: Call): Answer<CommandResult<'user'>> {
    return this.commands.run('user', path, call);
  }

  @Delete(':user/sockets')
  @HttpCode(200)
  @ApiRoute('disconnect', 'End all sockets of a user', { 200: disconnectedAnswer })
  end(
    @Param({ schema: userPath }) { user }: UserPath,
    @Query({ schema: disconnectQuery }) query: z.output<typeof disconnectQuery>,
    @ApiCall() call: Call,
  ): Answer<CommandResult<'disconnect'>> {
    return this.commands.run('disconnect', { ...query, user }, call);
  }

  @Put(':user/rooms/:room')
  @HttpCode(204)
  @ApiRoute('join', 'Put all sockets of a user into a room', { 204: 'They are in the room' }, [
    'room.invalid',
  ])
  async join(@Param({ schema: userRoomPath }) path: UserRoomPath, @ApiCall() call: Call): Promise<void> {
    await this.commands.run('join', path, call);
  }

  @Delete(':user/rooms/:room')
  @HttpCode(204)
  @ApiRoute('leave', 'Take all sockets of a user out of a room', { 204: 'They are not in the room' }, [
    'room.invalid',
  ])
  async leave(@Param({ schema: userRoomPath }) path: UserRoomPath, @ApiCall() call: Call): Promise<void> {
    await this.commands.run('leave', path, call);
  }
}
