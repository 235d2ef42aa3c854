import { readFile } from 'node:fs/promises';
import { startGateway, type TestGateway } from 'switchboard-gateway/testing';
import { ERRORS } from '../../../src/protocol/errors.js';
import { TRANSPORT_REASONS } from '../../../src/sockets/disconnect-reasons.js';
import { CollectingLogger } from '../../support/collecting-logger.js';
import { explained } from '../../support/explained.js';
import { cutOff } from '../../support/not-reading.js';
import { Presence } from '../../../src/rooms/presence/presence.service.js';
import { startEmbedding, closeEmbeddings } from '../../support/embedding.js';
import { sendRaw } from '../../support/raw-http.js';
import { until } from '../../support/until.js';
import { OperationsModule } from '../../../src/operations/operations.module.js';

const HANDSHAKE = { 'sec-websocket-version': '13', 'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==' };

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

  it('[O1] counts the events of clients, those that are refused too', async () => {
    const client = await gateway.connect();
    const before = await valueOf('client_events_total');
    for (let count = 0; count < 3; count++) await client.request('socket:info');
    await client.request('nobody:takes this');
    expect(await valueOf('client_events_total')).toBe(before + 4);
  });

  it('[O1] counts the bytes of WebSockets that have ended, in either direction', async () => {
    const inName = 'websocket_bytes_total{direction="in"}';
    const outName = 'websocket_bytes_total{direction="out"}';
    expect([await valueOf(inName), await valueOf(outName)]).toEqual([0, 0]);
    const client = await gateway.connect({ transport: 'websocket' });
    await client.request('room:join', { room: 'lobby' });
    const said = { room: 'lobby', event: 'said', args: ['x'.repeat(20_000)] };
    await client.request('room:emit', said);
    await gateway.broadcaster.toAll().emit('news', 'x'.repeat(50_000));
    await client.next('news');
    client.close();
    await until('they are counted', async () => (await valueOf(outName)) > 0);
    expect(await valueOf(inName)).toBeGreaterThan(20_000);
    expect(await valueOf(inName)).toBeLessThan(25_000);
    expect(await valueOf(outName)).toBeGreaterThan(50_000);
    expect(await valueOf(outName)).toBeLessThan(55_000);
  });

  it.each([
    ['a poll', 'GET', {}],
    ['a post', 'POST', {}],
    ['an upgrade', 'GET', { connection: 'Upgrade', upgrade: 'websocket', ...HANDSHAKE }],
  ])('[O1] counts %s of a connection that is not here', async (_what, method, headers) => {
    const transport = 'upgrade' in headers ? 'websocket' : 'polling';
    const path = `/socket.io/?EIO=4&transport=${transport}&sid=of-another-node`;
    expect((await sendRaw(gateway.url, { method, path, headers })).status).toBe(400);
    expect(await valueOf('unknown_sessions_total')).toBe(1);
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

describe('what speaks of metrics', () => {
  const FILES = [
    'deploy/grafana/switchboard.json',
    'deploy/prometheus/alerts.yml',
    'docs/operations.md',
    'docs/protocol.md',
    'README.md',
  ];
  /** Of the parent of several workers, and of parts that are not configured here. */
  const ELSEWHERE = /^switchboard_(?:worker_|handler_|webhook)/;

  it('[O1] the dashboard, the alerts and the docs name metrics that there are', async () => {
    const gateway = await startGateway();
    try {
      const text = await (await fetch(`${gateway.url}/metrics`)).text();
      const there = new Set([...text.matchAll(/^# TYPE (\S+)/gm)].map(([, name]) => name));
      for (const file of FILES) {
        const named = [
          ...(await readFile(file, 'utf8')).matchAll(/\b(?:switchboard|nodejs|process)_[a-z_0-9]+\b/g),
        ];
        const unknown = named
          .map(([name]) => name)
          .filter((name) => name.startsWith('switchboard_') || /_(?:seconds|bytes|total|fds)$/.test(name))
          .filter((name) => !there.has(name) && !ELSEWHERE.test(name));
        expect([file, unknown]).toEqual([file, []]);
      }
    } finally {
      await gateway.close();
    }
  });

  it('[X1] [O1] the log, the metrics and the record give one reason for one end', async () => {
    const logger = new CollectingLogger();
    const gateway = await startGateway({ logger });
    try {
      const quits = await gateway.connect({ auth: { user: 'quits' } });
      const cut = await gateway.connect({ auth: { user: 'cut' } });
      const kicked = await gateway.connect({ auth: { user: 'kicked' } });
      quits.socket.close();
      cutOff(cut);
      await gateway.http('DELETE', '/v1/users/kicked/sockets');
      const reasons = new Map<string, string>();
      for (const user of ['quits', 'cut', 'kicked']) {
        const { episodes } = await explained(gateway, { user }, (answer) => answer.episodes[0]?.end != null);
        reasons.set(user, episodes[0]!.end!.reason);
      }
      expect([...reasons.values()]).toEqual(['client_namespace_disconnect', 'transport_close', 'kicked']);
      const text = await (await fetch(`${gateway.url}/metrics`)).text();
      const labels = [...text.matchAll(/^switchboard_disconnections_total{reason="([^"]*)"/gm)].map(
        ([, label]) => label,
      );
      expect(labels.toSorted()).toEqual([...reasons.values()].toSorted());
      const words = new Set<string>([...TRANSPORT_REASONS, ...Object.keys(ERRORS)]);
      expect([...reasons.values()].filter((reason) => !words.has(reason))).toEqual([]);
      const logged = logger
        .find('a user disconnected')
        .map(({ fields }) => [fields['user'], fields['reason']]);
      expect(new Map(logged as [string, string][])).toEqual(reasons);
      await kicked.next('disconnect');
    } finally {
      await gateway.close();
    }
  });
});
