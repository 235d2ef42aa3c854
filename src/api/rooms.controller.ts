import { Delete, Get, HttpCode, Param, Query } from '@nestjs/common';
import type { z } from 'zod';
import { memberEntry, roomEntry, type MemberEntry, type Page, type RoomEntry } from '../protocol/entries.js';
import { SocketRegistry } from '../registry/socket-registry.js';
import { encodeUnchecked } from '../protocol/json.js';
import { History, type HistoryAnswer } from '../rooms/history.service.js';
import { ApiController, ApiRoute } from './api-route.decorator.js';
import { historyAnswer, historyQuery, pageOf, pageQuery, roomPath, roomsQuery } from './schemas.js';

type RoomPath = z.output<typeof roomPath>;

@ApiController('Rooms', 'v1/rooms')
export class RoomsController {
  constructor(
    private readonly registry: SocketRegistry,
    private readonly histories: History,
  ) {}

  @Get()
  @ApiRoute('read', 'List rooms', { 200: pageOf(roomEntry) }, ['payload.invalid'])
  list(@Query({ schema: roomsQuery }) query: z.output<typeof roomsQuery>): Promise<Page<RoomEntry>> {
    return this.registry.getRooms(query);
  }

  @Get(':room')
  @ApiRoute('read', 'One room; an empty one has zeros', { 200: roomEntry }, [
    'room.invalid',
    'payload.invalid',
  ])
  get(@Param({ schema: roomPath }) { room }: RoomPath): Promise<RoomEntry> {
    return this.registry.getRoom(room);
  }

  @Get(':room/members')
  @ApiRoute('read', 'Who is in a room: users, not sockets', { 200: pageOf(memberEntry) }, [
    'room.invalid',
    'payload.invalid',
  ])
  members(
    @Param({ schema: roomPath }) { room }: RoomPath,
    @Query({ schema: pageQuery }) query: z.output<typeof pageQuery>,
  ): Promise<Page<MemberEntry>> {
    return this.registry.getMembers(room, query);
  }

  @Get(':room/history')
  @ApiRoute('read', 'What a room has kept, oldest first', { 200: historyAnswer }, [
    'room.invalid',
    'payload.invalid',
    'history.disabled',
  ])
  async history(
    @Param({ schema: roomPath }) { room }: RoomPath,
    @Query({ schema: historyQuery }) query: z.output<typeof historyQuery>,
  ): Promise<HistoryAnswer> {
    const { publications, ...page } = await this.histories.read(room, query);
    return {
      ...page,
      publications: publications.map((each) => ({ ...each, args: each.args.map(encodeUnchecked) })),
    };
  }

  @Delete(':room/history')
  @HttpCode(204)
  @ApiRoute('manage', 'Forget what a room has kept', { 204: 'It keeps nothing of before' }, [
    'room.invalid',
    'history.disabled',
  ])
  async dropHistory(@Param({ schema: roomPath }) { room }: RoomPath): Promise<void> {
    await this.histories.drop(room);
  }
}
