import { Delete, Get, HttpCode, Param, Put, Query } from '@nestjs/common';
import type { z } from 'zod';
import { userCount, userEntry, type Page, type UserCount, type UserEntry } from '../protocol/entries.js';
import { SocketRegistry } from '../registry/socket-registry.js';
import { MembershipService } from '../backend/membership.service.js';
import { ApiController, ApiRoute } from './api-route.decorator.js';
import { disconnectedAnswer, disconnectQuery, pageOf, pageQuery, userPath, userRoomPath } from './schemas.js';

type UserPath = z.output<typeof userPath>;
type UserRoomPath = z.output<typeof userRoomPath>;

@ApiController('Users', 'v1/users')
export class UsersController {
  constructor(
    private readonly registry: SocketRegistry,
    private readonly membership: MembershipService,
  ) {}

  @Get()
  @ApiRoute('read', 'List online users', { 200: pageOf(userCount) }, ['payload.invalid'])
  list(@Query({ schema: pageQuery }) query: z.output<typeof pageQuery>): Promise<Page<UserCount>> {
    return this.registry.getUsers(query);
  }

  @Get(':user')
  @ApiRoute('read', 'One user; an unknown user is offline', { 200: userEntry }, ['payload.invalid'])
  get(@Param({ schema: userPath }) { user }: UserPath): Promise<UserEntry> {
    return this.registry.getUser(user);
  }

  @Delete(':user/sockets')
  @HttpCode(200)
  @ApiRoute('manage', 'End all sockets of a user', { 200: disconnectedAnswer })
  async end(
    @Param({ schema: userPath }) { user }: UserPath,
    @Query({ schema: disconnectQuery }) { reconnect }: z.output<typeof disconnectQuery>,
  ): Promise<{ disconnected: number }> {
    return { disconnected: await this.membership.disconnect({ user }, reconnect === 'true') };
  }

  @Put(':user/rooms/:room')
  @HttpCode(204)
  @ApiRoute('manage', 'Put all sockets of a user into a room', { 204: 'They are in the room' }, [
    'room.invalid',
  ])
  async join(@Param({ schema: userRoomPath }) { user, room }: UserRoomPath): Promise<void> {
    await this.membership.join({ user }, room);
  }

  @Delete(':user/rooms/:room')
  @HttpCode(204)
  @ApiRoute('manage', 'Take all sockets of a user out of a room', { 204: 'They are not in the room' }, [
    'room.invalid',
  ])
  async leave(@Param({ schema: userRoomPath }) { user, room }: UserRoomPath): Promise<void> {
    await this.membership.leave({ user }, room);
  }
}
