import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import {
  startGateway,
  type StartOptions,
  type TestClient,
  type TestGateway,
} from 'switchboard-gateway/testing';
import { WebSocket } from 'ws';
import { Namespaces } from '../../../src/sockets/namespaces.js';
import { CollectingLogger } from '../../support/collecting-logger.js';
import { counted } from '../../support/embedding.js';
import { RawPolling } from '../../support/raw-clients.js';
import { breakOff, comeBack, received, sessionOf } from '../../support/recovering.js';
import { until } from '../../support/until.js';

const MEGABYTE = 1_000_000;

/** A publication of 64 kB; its number comes first. */
const PAYLOAD = 'x'.repeat(64_000);

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

/** What is in use and not garbage. */
function memoryInUse(): number {
  collectGarbage();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

/** A WebSocket client that notes the numbers it gets and nothing else, and can stop reading. */
class Reader {
  readonly numbers: number[] = [];
  private readonly waiting = new Map<number, () => void>();

  private constructor(private readonly webSocket: WebSocket) {
    webSocket.on('message', (data: Buffer) => this.receive(data));
  }

  static async connect(gateway: TestGateway, user: string): Promise<Reader> {
    const url = `${gateway.url.replace('http', 'ws')}/socket.io/?EIO=4&transport=websocket`;
    const webSocket = new WebSocket(url);
    const reader = new Reader(webSocket);
    await new Promise((resolve) => webSocket.once('message', resolve));
    webSocket.send(`40${JSON.stringify({ user })}`);
    await until(`${user} is connected`, async () => (await gateway.registry.getUser(user)).online);
    return reader;
  }

  /** Stops taking anything off the wire. */
  pause(): void {
    this.webSocket.pause();
  }

  resume(): void {
    this.webSocket.resume();
  }

  /** Resolves when this number has come. */
  has(number: number): Promise<void> {
    if (this.numbers.includes(number)) return Promise.resolve();
    return new Promise((resolve) => this.waiting.set(number, resolve));
  }

  terminate(): void {
    this.webSocket.terminate();
  }

  private receive(data: Buffer): void {
    const number = /^42\["\w+",(\d+)/.exec(data.toString('latin1', 0, 32))?.[1];
    if (number === undefined) return;
    this.numbers.push(Number(number));
    this.waiting.get(Number(number))?.();
  }
}

const upTo = (count: number): number[] => Array.from({ length: count }, (_, index) => index);

describe('a client that stops reading', () => {
  const logger = new CollectingLogger();
  let gateway: TestGateway;
  const readers: Reader[] = [];

  beforeEach(async () => {
    gateway = await startGateway({ logger });
  });
  afterEach(async () => {
    for (const reader of readers.splice(0)) reader.terminate();
    await gateway?.close();
  });

  const connect = async (user: string): Promise<Reader> => {
    const reader = await Reader.connect(gateway, user);
    readers.push(reader);
    return reader;
  };

  it('[Q3] is ended with slow_consumer while 200 MB go to everyone, and costs nobody else anything', async () => {
    const bystander = await connect('bystander');
    const stalled = await connect('stalled');
    stalled.pause();
    const poller = await RawPolling.connect(gateway.url, { user: 'poller' });

    const count = Math.ceil((200 * MEGABYTE) / PAYLOAD.length);
    const before = memoryInUse();
    let mostInUse = 0;
    for (let number = 0; number < count; number++) {
      await gateway.broadcaster.toAll().emit('news', number, PAYLOAD);
      // As fast as those who read can take it.
      if (number % 8 === 7) await bystander.has(number);
      if (number % 256 === 255) mostInUse = Math.max(mostInUse, memoryInUse());
    }
    await bystander.has(count - 1);
    mostInUse = Math.max(mostInUse, memoryInUse());

    expect(bystander.numbers).toEqual(upTo(count));
    expect(mostInUse - before).toBeLessThan(100 * MEGABYTE);
    for (const user of ['stalled', 'poller']) {
      expect(logger.find('a user disconnected', { user, reason: 'slow_consumer' })).toHaveLength(1);
      expect(await gateway.registry.getUser(user)).toMatchObject({ online: false });
    }
    expect(await counted(gateway, 'disconnections_total', { reason: 'slow_consumer' })).toBe(2);
    expect(await poller.poll()).toMatchObject({ status: 400 });
  }, 60_000);

  it('[Q3] [D5] misses volatile publications first, keeps its socket, and gets the others', async () => {
    const bystander = await connect('reader');
    const stalled = await connect('idler');
    stalled.pause();
    const count = Math.ceil((40 * MEGABYTE) / PAYLOAD.length);
    for (let number = 0; number < count; number++) {
      await gateway.broadcaster.toAll().volatile().emit('tick', number, PAYLOAD);
      await bystander.has(number);
    }
    await gateway.broadcaster.toAll().emit('news', count);
    await bystander.has(count);
    expect(await gateway.registry.getUser('idler')).toMatchObject({ online: true });
    expect(bystander.numbers).toEqual(upTo(count + 1));

    stalled.resume();
    await stalled.has(count);
    const { numbers } = stalled;
    expect(numbers.length).toBeLessThan(count);
    expect(numbers).toEqual([...numbers].sort((a, b) => a - b));
    expect(numbers.at(-1)).toBe(count);
  });

  it('[Q3] is ended too when an app writes to its socket directly', async () => {
    const stalled = await connect('direct');
    stalled.pause();
    const [entry] = (await gateway.registry.getUser('direct')).sockets;
    const socket = gateway.app.get(Namespaces).findSocket(entry!.socketId)!;
    for (let number = 0; number < 400; number++) socket.emit('news', number, PAYLOAD);
    await logger.until('a user disconnected', { user: 'direct', reason: 'slow_consumer' });
  });

  it('[Q3] is cut off too when it never gets in: refusals that nobody reads do not pile up', async () => {
    const poller = await RawPolling.open(gateway.url);
    const requests = Array.from({ length: 9_000 }, () => '40/nobody,').join('\u001e');
    await until('the connection is gone', async () => (await poller.post(requests)).status !== 200);
    expect(await counted(gateway, 'refusals_total')).toBeLessThan(2);
  });
});

describe('a client that comes back to its session and does not read', () => {
  let logger: CollectingLogger;
  let gateway: TestGateway;
  let session: TestClient;

  /** A session that has missed a hundred times 64 kB. */
  const start = async (options: StartOptions = {}): Promise<void> => {
    logger = new CollectingLogger();
    gateway = await startGateway({ logger, ...options });
    session = await gateway.connect({ auth: { user: 'ada', recovery: true } });
    await breakOff(gateway, session);
    for (let number = 0; number < 100; number++) await say(number);
  };
  const say = (number: number): Promise<unknown> =>
    gateway.broadcaster.toUsers('ada').emit('news', number, PAYLOAD);
  /** Comes in as that session, and asks for nothing more. */
  const comeIn = async (): Promise<void> => {
    await RawPolling.connect(gateway.url, { user: 'ada', recovery: true, ...sessionOf(session) });
    expect(logger.find('a user connected', { user: 'ada', recovered: true })).toHaveLength(1);
  };
  const isEnded = (): Promise<unknown> =>
    logger.until('a user disconnected', { user: 'ada', reason: 'slow_consumer' });
  const getsItAll = async (count: number): Promise<void> => {
    expect(await comeBack(session)).toBe(true);
    expect(await received(gateway, session, 'news')).toEqual(upTo(count));
  };

  afterEach(() => gateway?.close());

  it('[Q3] [H4] is ended with slow_consumer when it takes nothing, and gets all of it when it reads', async () => {
    await start({ pingTimeoutMs: 500 });
    await comeIn();
    await isEnded();
    await getsItAll(100);
  });

  it('[Q3] [H4] is ended when too much is published meanwhile, and gets all of it when it reads', async () => {
    await start();
    await comeIn();
    for (let number = 100; number < 120; number++) await say(number);
    await isEnded();
    await getsItAll(120);
  });
});

describe('a client that asked for more than a socket may have unsent', () => {
  let logger: CollectingLogger;
  let gateway: TestGateway;
  let poller: RawPolling;
  let requests = 0;

  /** A room with 6.4 MB of history, and somebody who may ask for it. */
  const start = async (options: StartOptions = {}): Promise<void> => {
    logger = new CollectingLogger();
    gateway = await startGateway({ logger, history: 'chat:*=100/1h', ...options });
    for (let number = 0; number < 100; number++) await say('chat:1', number);
    poller = await RawPolling.connect(gateway.url, { user: 'poller' });
  };
  const say = (room: string, number: number): Promise<unknown> =>
    gateway.broadcaster.toRooms(room).emit('news', number, PAYLOAD);
  const ask = (...rooms: string[]): Promise<unknown> => {
    const packets = rooms.map((room) => `42${++requests}["room:history",{"room":"${room}"}]`);
    return poller.post(packets.join('\u001e'));
  };
  /** Another one has been ended by the look at all connections; so this one has been looked at, too. */
  const allAreLookedAt = async (): Promise<void> => {
    const { id } = await RawPolling.connect(gateway.url, { user: 'stalled' });
    const socket = gateway.app.get(Namespaces).findSocket(id)!;
    for (let number = 0; number < 20; number++) socket.emit('news', number, PAYLOAD);
    await logger.until('a user disconnected', { socketId: id, reason: 'slow_consumer' });
  };
  /** Polls until this many answers have come; the numbers of the publications in each. */
  const answers = async (count: number): Promise<number[][]> => {
    const found: number[][] = [];
    while (found.length < count) {
      for (const packet of await poller.packets()) {
        if (!packet.startsWith('43')) continue;
        const [answer] = JSON.parse(packet.replace(/^43\d+/, '')) as [{ publications: { args: [number] }[] }];
        found.push(answer.publications.map(({ args }) => args[0]));
      }
    }
    return found;
  };

  beforeEach(() => (requests = 0));
  afterEach(() => gateway?.close());

  it('[Q3] [H2] is given time to read it, and all that it asked for', async () => {
    await start();
    await ask('chat:1', 'chat:1', 'chat:1');
    await allAreLookedAt();
    await allAreLookedAt();
    expect(await answers(3)).toEqual([upTo(100), upTo(100), upTo(100)]);
    expect(logger.find('a user disconnected', { user: 'poller' })).toEqual([]);
  });

  it('[Q3] is ended with slow_consumer when it does not read it', async () => {
    await start({ pingTimeoutMs: 500 });
    await ask('chat:1');
    await logger.until('a user disconnected', { user: 'poller', reason: 'slow_consumer' });
  });

  it('[Q3] is ended when more is published to it meanwhile than it may have unsent', async () => {
    await start();
    await ask('chat:1');
    const publish = (): Promise<unknown> => gateway.broadcaster.toUsers('poller').emit('news', 0, PAYLOAD);
    for (let count = 0; count < 10; count++) await publish();
    expect(logger.find('a user disconnected', { user: 'poller' })).toEqual([]);
    for (let count = 0; count < 10; count++) await publish();
    await logger.until('a user disconnected', { user: 'poller', reason: 'slow_consumer' });
  });
});
