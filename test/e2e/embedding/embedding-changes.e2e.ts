import { Injectable } from '@nestjs/common';
import { OnSwitchboard, SocketRegistry, type RegistryChange } from 'switchboard-gateway';
import { closeEmbeddings, counted, startEmbedding } from '../../support/embedding.js';
import { until } from '../../support/until.js';

const heard: RegistryChange[] = [];

@Injectable()
class Listener {
  readonly name = 'listener';

  @OnSwitchboard('user.online', 'user.offline', 'room.joined')
  take(change: RegistryChange): void {
    if (this.name === 'listener') heard.push(change);
  }

  @OnSwitchboard('user.offline')
  async fail(): Promise<void> {
    throw new Error('of the app');
  }

  @OnSwitchboard('user.online')
  failAtOnce(): void {
    throw new Error('of the app');
  }
}

describe('what an embedding app hears of who comes and goes', () => {
  beforeEach(() => heard.splice(0));
  afterEach(closeEmbeddings);

  it('[N7] methods of providers hear changes, and what they throw is theirs', async () => {
    const gateway = await startEmbedding({ providers: [Listener] });
    const client = await gateway.connect({ auth: { user: 'ada', info: { plan: 'pro' } } });
    gateway.app.get(SocketRegistry);
    await until('it is heard', () => heard.length >= 1);
    client.close();
    await until('it is heard', () => heard.some(({ type }) => type === 'user.offline'));
    expect(heard).toEqual([
      { type: 'user.online', user: 'ada', info: { plan: 'pro' }, at: expect.any(Date) },
      { type: 'user.offline', user: 'ada', reason: 'left', at: expect.any(Date) },
    ]);
    await until(
      'the failures are counted',
      async () => (await counted(gateway, 'failures_total', { place: 'handler' })) === 2,
    );
  });

  it('[N7] subscribers hear users, sockets and rooms, from when they subscribe until they do not', async () => {
    const gateway = await startEmbedding({});
    const early = await gateway.connect({ auth: { user: 'ada' } });
    const types: string[] = [];
    const subscription = gateway.registry.changes.subscribe(({ type }) => types.push(type));
    await gateway.registry.getStats();
    const client = await gateway.connect({ auth: { user: 'ada' } });
    await gateway.connect({ auth: { user: 'bob' } });
    await until('bob is heard of', () => types.includes('user.online'));
    client.close();
    await until('it is heard', () => types.includes('socket.disconnected'));
    early.close();
    await until('it is heard', () => types.includes('user.offline'));
    expect(types.filter((type) => type.startsWith('user.'))).toEqual(['user.online', 'user.offline']);
    expect(types.filter((type) => type === 'socket.connected')).toHaveLength(2);
    subscription.unsubscribe();
    const before = types.length;
    const late = await gateway.connect({ auth: { user: 'eve' } });
    late.close();
    await until('she is gone', async () => !(await gateway.registry.getUser('eve')).online);
    expect(types).toHaveLength(before);
  });
});
