import { Delete, Get, HttpCode, Param, Put, Query } from '@nestjs/common';
import type { z } from 'zod';
import type { Call } from '../backend/call.js';
import { CommandRunner } from '../backend/command-runner.js';
import type { CommandResult } from '../backend/commands.js';
import { socketEntry } from '../protocol/entries.js';
import type { Answer } from '../engine/log.js';
import { ApiCall } from './api-call.decorator.js';
import { ApiController, ApiRoute } from './api-route.decorator.js';
import { disconnectQuery, pageOf, socketPath, socketRoomPath, socketsQuery } from './schemas.js';

type SocketPath = z.output<typeof socketPath>;
type SocketRoomPath = z.output<typeof socketRoomPath>;

@ApiController('Sockets', 'v1/sockets')
export class SocketsController {
  constructor(private readonly commands: CommandRunner) {}

  @Get()
  @ApiRoute('sockets', 'List sockets', { 200: pageOf(socketEntry) }, ['payload.invalid', 'room.invalid'])
  list(
    @Query({ schema: socketsQuery }) query: z.output<typeof socketsQuery>,
    @ApiCall() call: Call,
  ): Answer<CommandResult<'sockets'>> {
    return this.commands.run('sockets', query, call);
  }

  @Get(':id')
  @ApiRoute('socket', 'One socket', { 200: socketEntry }, ['payload.invalid', 'socket.not_found'])
  get(
    @Param({ schema: socketPath }) { id: socketId }: SocketPath,
    @ApiCall() call: Call,
  ): Answer<CommandResult<'socket'>> {
    return this.commands.run('socket', { socketId }, call);
  }

  @Delete(':id')
  @HttpCode(204)
  @ApiRoute('disconnect', 'End a socket', { 204: 'It has left the registry' }, ['socket.not_found'])
  async end(
    @Param({ schema: socketPath }) { id: socketId }: SocketPath,
    @Query({ schema: disconnectQuery }) query: z.output<typeof disconnectQuery>,
    @ApiCall() call: Call,
  ): Promise<void> {
    await this.commands.run('disconnect', { ...query, socketId }, call);
  }

  @Put(':id/rooms/:room')
  @HttpCode(204)
  @ApiRoute('join', 'Put a socket into a room', { 204: 'It is in the room' }, [
    'room.invalid',
    'socket.not_found',
  ])
  async join(
    @Param({ schema: socketRoomPath }) { id: socketId, room }: SocketRoomPath,
    @ApiCall() call: Call,
  ): Promise<void> {
    await this.commands.run('join', { socketId, room }, call);
  }

  @Delete(':id/rooms/:room')
  @HttpCode(204)
  @ApiRoute('leave', 'Take a socket out of a room', { 204: 'It is not in the room' }, [
    'room.invalid',
    'socket.not_found',
  ])
  async leave(
    @Param({ schema: socketRoomPath }) { id: socketId, room }: SocketRoomPath,
    @ApiCall() call: Call,
  ): Promise<void> {
    await this.commands.run('leave', { socketId, room }, call);
  }
}
