import { Delete, Get, HttpCode, Param, Put, Query } from '@nestjs/common';
import type { z } from 'zod';
import { SwitchboardError } from '../protocol/errors.js';
import { socketEntry, type Page, type SocketEntry } from '../protocol/entries.js';
import { SocketRegistry } from '../registry/socket-registry.js';
import { MembershipService } from '../backend/membership.service.js';
import { ApiController, ApiRoute } from './api-route.decorator.js';
import { disconnectQuery, pageOf, socketPath, socketRoomPath, socketsQuery } from './schemas.js';

type SocketPath = z.output<typeof socketPath>;
type SocketRoomPath = z.output<typeof socketRoomPath>;

@ApiController('Sockets', 'v1/sockets')
export class SocketsController {
  constructor(
    private readonly registry: SocketRegistry,
    private readonly membership: MembershipService,
  ) {}

  @Get()
  @ApiRoute('read', 'List sockets', { 200: pageOf(socketEntry) }, ['payload.invalid', 'room.invalid'])
  list(@Query({ schema: socketsQuery }) query: z.output<typeof socketsQuery>): Promise<Page<SocketEntry>> {
    return this.registry.getSockets(query);
  }

  @Get(':id')
  @ApiRoute('read', 'One socket', { 200: socketEntry }, ['payload.invalid', 'socket.not_found'])
  async get(@Param({ schema: socketPath }) { id }: SocketPath): Promise<SocketEntry> {
    const entry = await this.registry.getSocket(id);
    if (!entry) throw new SwitchboardError('socket.not_found');
    return entry;
  }

  @Delete(':id')
  @HttpCode(204)
  @ApiRoute('manage', 'End a socket', { 204: 'It has left the registry' }, ['socket.not_found'])
  async end(
    @Param({ schema: socketPath }) { id }: SocketPath,
    @Query({ schema: disconnectQuery }) { reconnect }: z.output<typeof disconnectQuery>,
  ): Promise<void> {
    await this.membership.disconnect({ socketId: id }, reconnect === 'true');
  }

  @Put(':id/rooms/:room')
  @HttpCode(204)
  @ApiRoute('manage', 'Put a socket into a room', { 204: 'It is in the room' }, [
    'room.invalid',
    'socket.not_found',
  ])
  async join(@Param({ schema: socketRoomPath }) { id, room }: SocketRoomPath): Promise<void> {
    await this.membership.join({ socketId: id }, room);
  }

  @Delete(':id/rooms/:room')
  @HttpCode(204)
  @ApiRoute('manage', 'Take a socket out of a room', { 204: 'It is not in the room' }, [
    'room.invalid',
    'socket.not_found',
  ])
  async leave(@Param({ schema: socketRoomPath }) { id, room }: SocketRoomPath): Promise<void> {
    await this.membership.leave({ socketId: id }, room);
  }
}
