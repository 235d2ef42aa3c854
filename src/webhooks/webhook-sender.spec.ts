import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { TestAuthority } from '../../test/support/certificates.js';
import { until } from '../../test/support/until.js';
import { loadConfig, type SwitchboardOptions } from '../config/config.js';
import {
  createMemoryEngine,
  type MemoryEngineUnderTest,
} from '../engine/contract/memory-engine-under-test.js';
import { keyOfUser, partitionOf } from '../engine/outbox.js';
import { OutboundClient } from '../outbound/outbound-client.js';
import type { SocketEntry } from '../protocol/entries.js';
import type { WebhookAttempt } from '../protocol/webhooks.js';
import { Metrics } from '../telemetry/metrics.js';
import { Endpoint } from './endpoint.js';
import { WebhookMetrics } from './webhook-metrics.js';
import { postMessage } from './webhook-post.js';
import { WebhookSender } from './webhook-sender.js';

const SECRET = `whsec_${Buffer.alloc(24, 7).toString('base64')}`;
const HOUR_MS = 3_600_000;

interface Got {
  readonly id: string;
  readonly type: string;
  readonly user: string;
  readonly data: Record<string, unknown>;
}

type Answer = (response: ServerResponse, got: Got) => void;
const OK: Answer = (response) => void response.writeHead(204).end();
const failing =
  (status: number, headers: Record<string, string> = {}): Answer =>
  (response) =>
    void response.writeHead(status, headers).end('no');

/** A receiver that answers as the test says. */
class Receiver {
  readonly got: Got[] = [];
  open = 0;
  mostOpen = 0;
  answer: Answer = OK;
  private readonly sockets = new Set<Socket>();

  private constructor(
    private readonly server: Server,
    private readonly scheme: string,
  ) {
    server.on('connection', (socket: Socket) => {
      this.sockets.add(socket.on('error', () => undefined));
      socket.on('close', () => this.sockets.delete(socket));
    });
    server.on('request', (request: IncomingMessage, response: ServerResponse) =>
      this.take(request, response),
    );
  }

  static async start(tls?: { readonly key: string; readonly cert: string }): Promise<Receiver> {
    const receiver = new Receiver(tls ? createTlsServer(tls) : createServer(), tls ? 'https' : 'http');
    await new Promise<void>((done) => receiver.server.listen(0, '127.0.0.1', done));
    return receiver;
  }

  get url(): string {
    return `${this.scheme}://127.0.0.1:${(this.server.address() as AddressInfo).port}/hook?key=1`;
  }

  typesOf(user: string): string[] {
    return this.got.filter((each) => each.user === user).map(({ type }) => type);
  }

  async stop(): Promise<void> {
    const closed = new Promise((done) => this.server.close(done));
    for (const socket of this.sockets) socket.destroy();
    await closed;
  }

  private take(request: IncomingMessage, response: ServerResponse): void {
    const parts: Buffer[] = [];
    this.mostOpen = Math.max(this.mostOpen, ++this.open);
    response.on('close', () => this.open--);
    request.on('data', (part: Buffer) => parts.push(part));
    request.on('end', () => {
      const { type, data } = JSON.parse(Buffer.concat(parts).toString()) as Got;
      const got = { id: String(request.headers['webhook-id']), type, user: String(data['user']), data };
      this.got.push(got);
      this.answer(response, got);
    });
  }
}

/** A clock that stands still until the test turns it on. */
class TurnedClock {
  private timers: { at: number; run: () => void }[] = [];
  private turnedMs = 0;
  now = (): number => Date.now() + this.turnedMs;
  after = (ms: number, run: () => void): (() => void) => {
    const timer = { at: this.turnedMs + ms, run };
    this.timers.push(timer);
    return () => (this.timers = this.timers.filter((each) => each !== timer));
  };

  get waits(): number[] {
    return this.timers.map(({ at }) => at - this.turnedMs);
  }

  turn(ms: number): void {
    this.turnedMs += ms;
    const due = this.timers.filter(({ at }) => at <= this.turnedMs);
    this.timers = this.timers.filter(({ at }) => at > this.turnedMs);
    for (const { run } of due) run();
  }
}

/** Two users in different partitions: what fails for one does not hold up the other. */
const [ADA, BOB] = ['ada', 'bob'];
const SAME_PARTITION = Array.from({ length: 200 }, (_, index) => `u${index}`).find(
  (user) => partitionOf(keyOfUser(user)) === partitionOf(keyOfUser(ADA!)),
)!;

describe('the sender of webhooks', () => {
  let test: MemoryEngineUnderTest;
  let receiver: Receiver;
  let clock: TurnedClock;
  let sender: WebhookSender;
  let client: OutboundClient;
  const closers: (() => Promise<unknown>)[] = [];

  const start = async (url: string, options: SwitchboardOptions = {}): Promise<void> => {
    const webhooks = `shop=${url}`;
    const config = loadConfig({ options: { webhooks, webhookSecrets: `shop:${SECRET}`, ...options } });
    test = await createMemoryEngine({ ...config, recoveryWindowMs: 0 });
    clock = new TurnedClock();
    client = new OutboundClient(config);
    sender = new WebhookSender({
      outbox: test.engine.outbox,
      endpoints: [new Endpoint('shop', config)],
      clock,
      metrics: new WebhookMetrics(new Metrics()),
      node: 'n-1',
      leaseMs: 60_000,
      post: (endpoint, message) => postMessage(client, endpoint, message),
    });
    sender.start();
    closers.push(
      () => client.onApplicationShutdown(),
      () => test.close(),
      () => sender.stop(),
    );
  };
  const enter = (user: string, socketId = `s-${user}`): void => {
    const entry = { socketId, user, node: 'n-1', namespace: '/', info: null, rooms: [] };
    test.engine.outbox.follower!.entered(entry as unknown as SocketEntry);
  };
  const leave = (user: string): void => test.engine.outbox.follower!.left(`s-${user}`, false, 'left');
  const comeAndGo = (user: string): void => {
    enter(user);
    leave(user);
  };
  const attempts = async (): Promise<WebhookAttempt[]> =>
    (await test.engine.outbox.attempts('shop')).map((text) => JSON.parse(text) as WebhookAttempt);
  const isDelivered = async (): Promise<boolean> => {
    const { last, endpoints } = await test.engine.outbox.state(['shop']);
    return last.every((seq, partition) => endpoints[0]!.delivered[partition] === seq);
  };

  beforeEach(async () => {
    receiver = await Receiver.start();
    closers.push(() => receiver.stop());
  });
  afterEach(async () => {
    for (const close of closers.splice(0).toReversed()) await close();
  });

  it('[W5] tells first that the gateway has started, and notes what was delivered', async () => {
    await start(receiver.url);
    comeAndGo(ADA!);
    await until('all is delivered', isDelivered);
    expect(receiver.got.map(({ type }) => type).sort()).toEqual([
      'gateway.started',
      'user.offline',
      'user.online',
    ]);
    expect(receiver.typesOf(ADA!)).toEqual(['user.online', 'user.offline']);
    const epochs = new Set(receiver.got.map(({ data }) => data['epoch']));
    expect(epochs.size).toBe(1);
    expect(sender.loads()).toMatchObject([{ name: 'shop', isStopped: false }]);
    await until('attempts are noted', async () => (await attempts()).length === 3);
    expect(await attempts()).toContainEqual({
      at: expect.any(String),
      node: 'n-1',
      id: expect.stringMatching(/^evt_/),
      type: 'user.online',
      events: 1,
      about: ADA,
      attempt: 1,
      outcome: 'delivered',
      status: 204,
      ms: expect.any(Number),
      error: null,
      answer: '',
      retryInMs: null,
    });
  });

  it('[W6] events of one key go one after another, those of others meanwhile', async () => {
    await start(receiver.url);
    const held: ServerResponse[] = [];
    receiver.answer = (response, got) => {
      if (got.user === ADA && held.length === 0) held.push(response);
      else OK(response, got);
    };
    for (let turn = 0; turn < 3; turn++) for (const user of [ADA!, BOB!, SAME_PARTITION]) comeAndGo(user);
    await until('the others are through', () => receiver.typesOf(SAME_PARTITION).length === 6);
    await until('the others are through', () => receiver.typesOf(BOB!).length === 6);
    expect(receiver.typesOf(ADA!)).toEqual(['user.online']);
    held[0]!.writeHead(200).end();
    await until('all is delivered', isDelivered);
    for (const user of [ADA!, BOB!, SAME_PARTITION]) {
      expect(receiver.typesOf(user)).toEqual(
        Array.from({ length: 3 }, () => ['user.online', 'user.offline']).flat(),
      );
    }
  });

  it.each([
    ['500', failing(500), 500, 'status 500'],
    [
      'a redirect',
      failing(302, { location: 'http://127.0.0.1:1/' }),
      302,
      'a redirect, which is not followed',
    ],
    [
      'a connection that breaks',
      ((response) => response.destroy()) as Answer,
      null,
      expect.stringMatching(/^broken/),
    ],
  ])(
    '[W6] %s holds up its partition only, and is tried again with the same ID',
    async (_, answer, status, error) => {
      await start(receiver.url);
      receiver.answer = (response, got) => (got.user === ADA ? answer : OK)(response, got);
      comeAndGo(ADA!);
      comeAndGo(BOB!);
      await until('the other partition is through', () => receiver.typesOf(BOB!).length === 2);
      await until('it waits to try again', () => clock.waits.length === 1);
      enter(SAME_PARTITION);
      expect(clock.waits[0]).toBeGreaterThanOrEqual(800);
      expect(clock.waits[0]).toBeLessThanOrEqual(1_200);
      expect(receiver.typesOf(SAME_PARTITION)).toEqual([]);
      await until('the attempt is noted', async () =>
        (await attempts()).some(({ outcome }) => outcome === 'failed'),
      );
      expect((await attempts()).find(({ outcome }) => outcome === 'failed')).toMatchObject({ status, error });
      receiver.answer = OK;
      clock.turn(1_200);
      await until('all is delivered', isDelivered);
      expect(receiver.typesOf(ADA!)).toEqual(['user.online', 'user.online', 'user.offline']);
      const [first, again] = receiver.got.filter(({ user }) => user === ADA);
      expect(again!.id).toBe(first!.id);
    },
  );

  it('[W6] a receiver that is down for an hour gets everything in order, and costs no memory meanwhile', async () => {
    await start(receiver.url);
    receiver.answer = failing(503);
    for (let turn = 0; turn < 500; turn++) comeAndGo(ADA!);
    const delays: number[] = [];
    for (let turned = 0; turned < HOUR_MS;) {
      await until('it waits to try again', () => clock.waits.length >= 2);
      const next = Math.min(...clock.waits);
      delays.push(next);
      clock.turn(Math.max(next, 1));
      turned += Math.max(next, 1);
    }
    expect(receiver.typesOf(ADA!).every((type) => type === 'user.online')).toBe(true);
    expect(sender.loads()[0]!.depth).toBeGreaterThanOrEqual(1_000);
    receiver.got.length = 0;
    receiver.answer = OK;
    clock.turn(2 * HOUR_MS);
    await until('all is delivered', isDelivered);
    expect(receiver.typesOf(ADA!)).toEqual(
      Array.from({ length: 500 }, () => ['user.online', 'user.offline']).flat(),
    );
    const seqs = receiver.got.filter(({ user }) => user === ADA).map(({ data }) => Number(data['seq']));
    expect(seqs).toEqual([...seqs].sort((one, other) => one - other));
  });

  it('[W6] Retry-After is obeyed', async () => {
    await start(receiver.url);
    receiver.answer = failing(429, { 'retry-after': '90' });
    enter(ADA!);
    await until('both partitions wait', () => clock.waits.length === 2);
    expect(Math.min(...clock.waits)).toBeGreaterThanOrEqual(90_000);
  });

  it('[W6] 410 stops the endpoint until it is told to go on', async () => {
    await start(receiver.url);
    receiver.answer = failing(410);
    comeAndGo(ADA!);
    await until('it is stopped', () => sender.loads()[0]!.isStopped);
    const asked = receiver.got.length;
    comeAndGo(BOB!);
    clock.turn(24 * HOUR_MS);
    const { endpoints } = await test.engine.outbox.state(['shop']);
    expect(endpoints[0]!.stoppedAs).toEqual(expect.any(String));
    expect(receiver.got.length).toBeLessThanOrEqual(asked + 1);
    receiver.answer = OK;
    clock.turn(-24 * HOUR_MS);
    await test.engine.outbox.stop('shop', undefined);
    await until('all is delivered', isDelivered);
    expect(receiver.typesOf(BOB!)).toEqual(['user.online', 'user.offline']);
  });

  it('[W6] what could not be delivered in a day is lost, and the endpoint is told how much', async () => {
    await start(receiver.url);
    receiver.answer = (response, got) => (got.user === ADA ? failing(500) : OK)(response, got);
    comeAndGo(ADA!);
    enter(ADA!);
    await until('it waits to try again', () => clock.waits.length === 1);
    clock.turn(25 * HOUR_MS);
    await until('all is delivered', isDelivered);
    const lost = receiver.got.filter(({ type }) => type === 'events.lost');
    expect(lost.length).toBeGreaterThan(0);
    expect(lost.reduce((sum, { data }) => sum + Number(data['count']), 0)).toBe(3);
    expect(lost[0]!.data).toMatchObject({
      from: expect.any(Number),
      to: expect.any(Number),
      epoch: expect.any(String),
    });
  });

  it('[W6] a batch holds up to 100 events, in order, each with its own ID', async () => {
    const bodies: { id: string; type: string; data: Record<string, unknown> }[][] = [];
    receiver.answer = (response, { type, data }) => {
      if (type === 'batch') bodies.push(data['events'] as (typeof bodies)[number]);
      OK(response, {} as Got);
    };
    await start(receiver.url, { webhookBatch: 'shop' });
    for (let turn = 0; turn < 150; turn++) comeAndGo(ADA!);
    await until('all is delivered', isDelivered);
    const events = bodies.flat().filter(({ data }) => data['user'] === ADA);
    expect(events.map(({ type }) => type)).toEqual(
      Array.from({ length: 150 }, () => ['user.online', 'user.offline']).flat(),
    );
    expect(Math.max(...bodies.map(({ length }) => length))).toBe(100);
    expect(new Set(events.map(({ id }) => id)).size).toBe(300);
  });

  it('[W1] only what the endpoint asked for is sent', async () => {
    await start(receiver.url, { webhookEvents: 'shop=socket.*+room.occupied:chat:*' });
    enter(ADA!);
    test.engine.outbox.follower!.joined(`s-${ADA}`, 'chat:1');
    test.engine.outbox.follower!.joined(`s-${ADA}`, 'hall');
    await until('all is delivered', isDelivered);
    expect(receiver.got.map(({ type }) => type).sort()).toEqual([
      'gateway.started',
      'room.occupied',
      'socket.connected',
    ]);
  });

  it('[W7] a replay delivers what was delivered once more, with the same IDs', async () => {
    await start(receiver.url);
    comeAndGo(ADA!);
    await until('all is delivered', isDelivered);
    const ids = receiver.got.map(({ id }) => id).sort();
    expect(await test.engine.outbox.replay('shop', 0)).toBe(3);
    await until('all is there twice', () => receiver.got.length === 6);
    expect(
      receiver.got
        .slice(3)
        .map(({ id }) => id)
        .sort(),
    ).toEqual(ids);
  });

  it('[W6] an answer that never comes is a failure after 15 s, and one that never ends is cut', async () => {
    await start(receiver.url);
    receiver.answer = (response, got) => {
      if (got.user !== ADA) OK(response, got);
      else response.writeHead(200).write('x'.repeat(100_000));
    };
    comeAndGo(ADA!);
    await until('all is delivered', isDelivered);
    await until('the attempt is noted', async () => (await attempts()).some(({ about }) => about === ADA));
    expect((await attempts()).find(({ about }) => about === ADA)!.answer).toBe('x'.repeat(1_024));
    receiver.answer = () => undefined;
    comeAndGo(BOB!);
    await until('it has timed out', async () =>
      (await attempts()).some(({ outcome }) => outcome === 'failed'),
    );
    expect((await attempts())[0]).toMatchObject({ status: null, error: 'timeout: TIMEOUT' });
  });

  it('[W1] [B7] a certificate that nobody vouches for, and a metadata address, are failures', async () => {
    const authority = await TestAuthority.create();
    closers.push(() => authority.remove());
    const secure = await Receiver.start(authority.vouchFor());
    closers.push(() => secure.stop());
    await start(secure.url);
    enter(ADA!);
    await until('it waits to try again', () => clock.waits.length >= 1);
    await until('the attempt is noted', async () => (await attempts()).length > 0);
    expect((await attempts())[0]).toMatchObject({
      outcome: 'failed',
      status: null,
      error: expect.stringMatching(/^tls/),
    });
    expect(secure.got).toEqual([]);
    const pointsToMetadata = new OutboundClient({ outboundCa: undefined }, (_, done) =>
      done(null, [{ address: '169.254.169.254', family: 4 }]),
    );
    closers.push(() => pointsToMetadata.onApplicationShutdown());
    const config = loadConfig({
      options: { webhooks: 'shop=http://hooks.example/', webhookSecrets: `shop:${SECRET}` },
    });
    const message = { id: 'x', type: 'webhook.test', body: '{}' };
    const result = await postMessage(pointsToMetadata, new Endpoint('shop', config), message);
    expect(result).toMatchObject({ outcome: 'failed', error: expect.stringMatching(/^address_refused/) });
  });
});
