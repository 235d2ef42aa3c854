/** Findings that need their time: what is waited for begins together, before the first of them. [X2] [X4] */
import { once } from 'node:events';
import { connect as connectTcp, createServer, type AddressInfo, type Socket as TcpSocket } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import { startGateway, type TestClient, type TestGateway } from 'switchboard-gateway/testing';
import { closeEmbeddings, startEmbedding } from '../../support/embedding.js';
import { explain, explained, found, foundIn } from '../../support/explained.js';

/** A time-out that is known, and the shortest. */
const IDLE_MS = 30_000;

/** Passes on what clients and gateway say. */
class Passage {
  private readonly sockets = new Set<TcpSocket>();

  private constructor(
    private readonly server: ReturnType<typeof createServer>,
    readonly url: string,
  ) {}

  static async to(port: number, join: (near: TcpSocket, far: TcpSocket) => void): Promise<Passage> {
    const server = createServer((near) => {
      const far = connectTcp(port, '127.0.0.1');
      for (const end of [near, far]) {
        passage.sockets.add(end.setNoDelay(true).on('error', () => undefined));
      }
      near.on('close', () => far.destroy());
      far.on('close', () => near.destroy());
      far.pipe(near);
      join(near, far);
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const passage = new Passage(server, `http://127.0.0.1:${(server.address() as AddressInfo).port}`);
    return passage;
  }

  async close(): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    this.server.close();
    await once(this.server, 'close');
  }
}

/** Ends what is silent for too long. */
function cutWhenIdle(near: TcpSocket, far: TcpSocket): void {
  near.pipe(far);
  near.setTimeout(IDLE_MS, () => {
    near.destroy();
    far.destroy();
  });
}

/** Passes a WebSocket's first frame on, the probe, and swallows what comes after it. */
function swallowUpgrades(near: TcpSocket, far: TcpSocket): void {
  let isWebSocket = false;
  let frames = 0;
  near.on('data', (chunk: Buffer) => {
    if (isWebSocket && frames++ > 0) return;
    isWebSocket ||= chunk.toString('latin1').includes('Upgrade: websocket');
    far.write(chunk);
  });
}

@WebSocketGateway()
class Shop {
  @SubscribeMessage('slow')
  slow(): Promise<void> {
    return new Promise(() => undefined);
  }

  @SubscribeMessage('quick')
  quick(): object {
    return { ok: true };
  }
}

describe('findings that need their time', () => {
  const passages: Passage[] = [];
  let gateway: TestGateway;

  const through = async ({ url }: Passage, user: string, transport: 'websocket' | 'upgrade') => {
    const client = gateway.open({ auth: { user }, transport, client: { autoConnect: false } });
    (client.socket.io as unknown as { uri: string }).uri = url;
    client.socket.open();
    await client.next('connect');
    return client;
  };
  const kick = async (client: TestClient, query = ''): Promise<void> => {
    const { status } = await gateway.http('DELETE', `/v1/sockets/${client.id}${query}`);
    expect(status).toBe(204);
  };

  beforeAll(async () => {
    gateway = await startGateway({ pingIntervalMs: 300_000, pingTimeoutMs: 100_000 });
    const idle = await Passage.to(gateway.port, cutWhenIdle);
    const stuck = await Passage.to(gateway.port, swallowUpgrades);
    passages.push(idle, stuck);
    for (let count = 0; count < 4; count++) {
      await through(idle, 'silent', 'websocket');
      const talks = await through(idle, 'talks', 'websocket');
      const timer = setInterval(() => talks.emit('socket:info', {}), 5_000).unref();
      talks.socket.on('disconnect', () => clearInterval(timer));
    }
    await through(stuck, 'stuck', 'upgrade');
    await gateway.connect({ auth: { user: 'moves' }, transport: 'upgrade' });
    await kick(await gateway.connect({ auth: { user: 'kicked' } }));
    await kick(await gateway.connect({ auth: { user: 'sent-back' } }), '?reconnect=true');
    await pause(61_000);
  });
  afterAll(async () => {
    for (const passage of passages) await passage.close();
    await gateway?.close();
    await closeEmbeddings();
  });

  it('[X2] [X4] proxy_timeout: certain after four cuts at a known silence; not a client that talks', async () => {
    const silent = await explained(
      gateway,
      { user: 'silent' },
      ({ episodes }) => episodes.filter(({ end }) => end).length === 4,
    );
    expect(found(silent)).toContain('proxy_timeout certain');
    const { title, because, try: steps } = silent.findings.find(({ id }) => id === 'proxy_timeout')!;
    expect(title).toContain('of silence');
    expect(because.join()).toContain('30 s is the time-out of');
    expect(steps[0]).toContain('time-out of the proxy');
    expect(steps.join()).toMatch(/set SWITCHBOARD_PING_INTERVAL_MS to 2[678]000 or less/);
    expect(found(await explain(gateway, { user: 'talks' }))).toEqual([]);
  });

  it('[X2] stuck_on_polling: an upgrade that began and never ended; not one that did', async () => {
    const finding = await foundIn(gateway, { user: 'stuck' }, 'stuck_on_polling');
    expect(finding).toMatchObject({ confidence: 'likely' });
    expect(finding.title).toContain('began and never ended');
    expect(found(await explain(gateway, { user: 'moves' }))).toEqual([]);
  });

  it('[X2] stopped_retrying: a kick for good; not one after which clients come back', async () => {
    expect(found(await explain(gateway, { user: 'kicked' }))).toEqual(['stopped_retrying certain']);
    // It is waited for.
    expect(found(await explain(gateway, { user: 'sent-back' }))).toEqual(['held_online certain']);
  });

  it('[X2] ack_missing: a handler that never answers; not one that does', async () => {
    const app = await startEmbedding({ providers: [Shop], options: { handlerTimeoutMs: 300 } });
    const { FlightRecorder } = await import('../../../src/recorder/flight-recorder.js');
    const { LocalRecord } = await import('../../../src/recorder/local-record.js');
    expect(app.app.get(FlightRecorder, { strict: false })).toBeDefined();
    const facts = async (user: string): Promise<string[]> => {
      const local = app.app.get(LocalRecord, { strict: false });
      const part = (await local.answer({ of: 'subject', subject: ['user', user] })) as {
        episodes: { facts: { kind: string; name?: string }[] }[];
      };
      return part.episodes.flatMap((episode) => episode.facts.map(({ kind, name }) => `${kind} ${name}`));
    };
    const waits = await app.connect({ auth: { user: 'waits' } });
    expect((await waits.request('slow', {})).ok).toBe(false);
    const quick = await app.connect({ auth: { user: 'quick' } });
    expect((await quick.request('quick', {})).ok).toBe(true);
    expect(await facts('waits')).toContain('not_answered slow');
    expect(await facts('quick')).toEqual([]);
  });
});
