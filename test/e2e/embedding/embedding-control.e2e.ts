import { Injectable } from '@nestjs/common';
import { RoomHistory, SocketControl, SwitchboardError } from 'switchboard-gateway';
import { closeEmbeddings, startEmbedding } from '../../support/embedding.js';

const SECRET = 'a secret of at least 32 characters';

@Injectable()
class Desk {
  constructor(
    readonly control: SocketControl,
    readonly history: RoomHistory,
  ) {}
}

const start = async (options: object = {}) => {
  const gateway = await startEmbedding({ providers: [Desk], options });
  return { gateway, desk: gateway.app.get(Desk) };
};

describe('what an embedding app does to sockets and rooms', () => {
  afterEach(closeEmbeddings);

  it('[N7] joins, leaves and ends sockets by injectables', async () => {
    const { gateway, desk } = await start();
    const ada = await gateway.connect({ auth: { user: 'ada' } });
    await desk.control.join({ user: 'ada' }, 'lobby');
    await desk.control.join({ socketId: ada.id! }, 'desk');
    expect((await gateway.registry.getSocket(ada.id!))?.rooms.toSorted()).toEqual(['desk', 'lobby']);
    await desk.control.leave({ user: 'ada' }, 'lobby');
    expect((await gateway.registry.getSocket(ada.id!))?.rooms).toEqual(['desk']);
    expect(await desk.control.disconnect({ user: 'ada' })).toBe(1);
    expect(await ada.next('server:disconnect')).toEqual([
      expect.objectContaining({ code: 'kicked', retryable: false }),
    ]);
    expect((await gateway.registry.getUser('ada')).online).toBe(false);
  });

  it('[N7] [A6] blocks, unblocks and revokes by injectables', async () => {
    const { gateway, desk } = await start();
    const ada = await gateway.connect({ auth: { user: 'ada' } });
    await desk.control.block('ada');
    expect(await ada.next('server:disconnect')).toEqual([expect.objectContaining({ code: 'auth.revoked' })]);
    expect(await desk.control.getBlocks()).toEqual({ items: [{ user: 'ada' }], next: null, total: 1 });
    await desk.control.unblock('ada');
    expect((await desk.control.getBlocks()).items).toEqual([]);
    await expect(desk.control.revoke({ jti: 'one token' })).resolves.toBeUndefined();
  });

  it('[N7] [H1] reads and drops the history of rooms by an injectable, binary as it was', async () => {
    const { gateway, desk } = await start({ history: 'chat:*=10/1h' });
    await gateway.broadcaster.toRooms('chat:1').emit('line', 'one');
    await gateway.broadcaster.toRooms('chat:1').emit('line', Buffer.from([1, 2]));
    const { epoch, publications } = await desk.history.read('chat:1');
    expect(publications.map(({ args }) => args)).toEqual([['one'], [Buffer.from([1, 2])]]);
    const after = await desk.history.read('chat:1', { since: { epoch, offset: 1 } });
    expect(after.publications).toHaveLength(1);
    await desk.history.drop('chat:1');
    expect((await desk.history.read('chat:1')).publications).toEqual([]);
  });

  it('[N7] [E1] are refused with the codes of the API', async () => {
    const { desk } = await start({ jwtSecret: SECRET });
    const code = (work: Promise<unknown>): Promise<unknown> =>
      work.then(
        () => 'no error',
        (error: unknown) => (error instanceof SwitchboardError ? error.code : error),
      );
    expect(await code(desk.control.join({ socketId: 'gone' }, 'lobby'))).toBe('socket.not_found');
    expect(await code(desk.control.join({ user: 'ada' }, 'user:bob'))).toBe('access.denied');
    expect(await code(desk.control.join({ user: 'ada' }, 'not a room'))).toBe('room.invalid');
    expect(await code(desk.history.read('chat:1'))).toBe('history.disabled');
  });
});
