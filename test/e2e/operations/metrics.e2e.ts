import { startGateway, type TestGateway } from 'switchboard-gateway/testing';
import { Presence } from '../../../src/rooms/presence/presence.service.js';
import { startEmbedding, closeEmbeddings } from '../../support/embedding.js';
import { until } from '../../support/until.js';
import { OperationsModule } from '../../../src/operations/operations.module.js';

describe('/metrics', () => {
  let gateway: TestGateway;

  /** The value of a metric as it stands in the text. */
  const valueOf = async (name: string): Promise<number> => {
    const text = await (await fetch(`${gateway.url}/metrics`)).text();
    const line = text.split('\n').find((each) => each.startsWith(`switchboard_${name} `));
    return Number(line?.split(' ')[1]);
  };

  beforeEach(async () => {
    gateway = await startGateway({ history: 'chat:*=2/1h', recoveryWindowMs: 600_000 });
  });
  afterEach(() => gateway.close());

  const emit = (room: string, headers: Record<string, string> = {}) =>
    gateway.http('POST', '/v1/emit', { to: { rooms: [room] }, event: 'x' }, headers);

  it('[H1] [O1] shows what histories hold', async () => {
    expect([await valueOf('history_publications'), await valueOf('history_bytes')]).toEqual([0, 0]);
    for (let n = 0; n < 5; n++) await emit('chat:1');
    await emit('chat:2');
    await emit('lobby');
    expect(await valueOf('history_publications')).toBe(3);
    expect(await valueOf('history_bytes')).toBeGreaterThan(0);
    await gateway.http('DELETE', '/v1/rooms/chat:1/history');
    expect(await valueOf('history_publications')).toBe(1);
  });

  it('[O1] shows what has not happened yet, so that whoever watches sees the first time', async () => {
    for (const series of [
      'nodes_lost_total{cause="node_lost"}',
      'sockets_lost_total{cause="node_lost"}',
      'engine_lost_total',
      'failures_total{place="handler"}',
      'failures_total{place="inbox"}',
      'recoveries_total{outcome="new_session"}',
    ]) {
      expect(await valueOf(series)).toBe(0);
    }
  });

  it('[D7] [O1] shows how many idempotency keys are remembered', async () => {
    for (const key of ['a', 'b', 'b']) await emit('lobby', { 'idempotency-key': key });
    expect(await valueOf('idempotency_keys')).toBe(2);
  });

  it('[H4] [M4] [O1] shows who is away, and counts who came back', async () => {
    const ada = await gateway.connect({ auth: { user: 'ada', recovery: true } });
    await gateway.connect({ auth: { user: 'bob' } });
    await ada.request('room:join', { room: 'lobby' });
    const figures = async (): Promise<number[]> => [
      await valueOf('sessions'),
      await valueOf('sessions_waiting'),
      await valueOf('presence_held'),
    ];
    expect(await figures()).toEqual([1, 0, 0]);
    ada.breakTransport();
    await until('ada is away', () => gateway.app.get(Presence).heldCount === 1);
    expect(await figures()).toEqual([1, 1, 1]);
    ada.socket.open();
    await ada.next('connect');
    expect(await figures()).toEqual([1, 0, 0]);
    expect(await valueOf('recoveries_total{outcome="recovered"}')).toBe(1);

    const stranger = { user: 'ada', recovery: true, pid: 'made up', offset: 'made up' };
    await gateway.connect({ auth: stranger });
    expect(await valueOf('recoveries_total{outcome="new_session"}')).toBe(1);
    expect(await valueOf('recoveries_total{outcome="recovered"}')).toBe(1);
  });
});

describe('/metrics of an embedding app', () => {
  afterEach(closeEmbeddings);

  it('[O1] has them too', async () => {
    const gateway = await startEmbedding({ imports: [OperationsModule] });
    const text = await (await fetch(`${gateway.url}/metrics`)).text();
    for (const name of ['history_publications', 'sessions_waiting', 'idempotency_keys', 'presence_held']) {
      expect(text).toContain(`\nswitchboard_${name} 0\n`);
    }
  });
});
