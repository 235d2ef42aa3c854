import { Delete, Get, HttpCode, Param, Query } from '@nestjs/common';
import type { z } from 'zod';
import type { Call } from '../backend/call.js';
import { CommandRunner } from '../backend/command-runner.js';
import type { CommandResult } from '../backend/commands.js';
import { memberEntry, roomEntry } from '../protocol/entries.js';
import type { Answer } from '../engine/log.js';
import { ApiCall } from './api-call.decorator.js';
import { ApiController, ApiRoute } from './api-route.decorator.js';
import { historyAnswer, historyQuery, pageOf, pageQuery, roomPath, roomsQuery } from './schemas.js';

type RoomPath = z.output<typeof roomPath>;

@ApiController('Rooms', 'v1/rooms')
export class RoomsController {
  constructor(private readonly commands: CommandRunner) {}

  @Get()
  @ApiRoute('rooms', 'List rooms', { 200: pageOf(roomEntry) }, ['payload.invalid'])
  list(
    @Query({ schema: roomsQuery }) query: z.output<typeof roomsQuery>,
    @ApiCall() call: Call,
  ): Answer<CommandResult<'rooms'>> {
    return this.commands.run('rooms', query, call);
  }

  @Get(':room')
  @ApiRoute('room', 'One room; an empty one has zeros', { 200: roomEntry }, [
    'room.invalid',
    'payload.invalid',
  ])
  get(@Param({ schema: roomPath }) path: RoomPath, @ApiCall() call: Call): Answer<CommandResult<'room'>> {
    return this.commands.run('room', path, call);
  }

  @Get(':room/members')
  @ApiRoute('members', 'Who is in a room: users, not sockets', { 200: pageOf(memberEntry) }, [
    'room.invalid',
    'payload.invalid',
  ])
  members(
    @Param({ schema: roomPath }) { room }: RoomPath,
    @Query({ schema: pageQuery }) query: z.output<typeof pageQuery>,
    @ApiCall() call: Call,
  ): Answer<CommandResult<'members'>> {
    return this.commands.run('members', { ...query, room }, call);
  }

  @Get(':room/history')
  @ApiRoute('history', 'What a room has kept, oldest first', { 200: historyAnswer }, [
    'room.invalid',
    'payload.invalid',
    'history.disabled',
  ])
  history(
    @Param({ schema: roomPath }) { room }: RoomPath,
    @Query({ schema: historyQuery }) query: z.output<typeof historyQuery>,
    @ApiCall() call: Call,
  ): Answer<CommandResult<'history'>> {
    return this.commands.run('history', { ...query, room }, call);
  }

  @Delete(':room/history')
  @HttpCode(204)
  @ApiRoute('dropHistory', 'Forget what a room has kept', { 204: 'It keeps nothing of before' }, [
    'room.invalid',
    'history.disabled',
  ])
  async dropHistory(@Param({ schema: roomPath }) path: RoomPath, @ApiCall() call: Call): Promise<void> {
    await this.commands.run('dropHistory', path, call);
  }
}
