import { ConnectedSocket, MessageBody, SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import type { Socket } from 'socket.io';
import type { TestGateway } from 'switchboard-gateway/testing';
import { closeEmbeddings, startEmbedding } from '../../support/embedding.js';
import { RawWebSocket } from '../../support/raw-clients.js';
import { until } from '../../support/until.js';

/** More than are handled in one turn of the event loop. */
const MANY = 700;
const CLIENTS = 400;
const NUMBERS = Array.from({ length: MANY }, (_, n) => n);

/** What was handled, in which turn, and whether its client was still there. */
const handled: { readonly n: number; readonly turn: number; readonly isThere: boolean }[] = [];
let turn = 0;
let watching: NodeJS.Immediate | undefined;
const watchTurns = (): void => {
  turn++;
  watching = setImmediate(watchTurns);
};

@WebSocketGateway()
class CountingGateway {
  @SubscribeMessage('count')
  count(@ConnectedSocket() socket: Socket, @MessageBody() n: number): number {
    handled.push({ n, turn, isThere: socket.rooms.has('counting') });
    return n;
  }

  handleConnection(socket: Socket): void {
    void socket.join('counting');
  }
}

describe('more events at once than one turn takes', () => {
  let gateway: TestGateway;
  const rates = { eventsPerSecond: 10_000, eventsBurst: 10_000, maxSocketsPerUser: 0 };

  beforeEach(async () => {
    handled.length = 0;
    gateway = await startEmbedding({ options: rates, providers: [CountingGateway] });
    watchTurns();
  });
  afterEach(async () => {
    clearImmediate(watching);
    await closeEmbeddings();
  });

  const mostOfOneTurn = (): number => {
    const counts = new Map<number, number>();
    for (const { turn: at } of handled) counts.set(at, (counts.get(at) ?? 0) + 1);
    return Math.max(...counts.values());
  };
  const handledAll = (count: number): Promise<unknown> =>
    until(`${count} events are handled`, () => handled.length === count);

  it('[D4] [M1] are handled over several, in the order of their socket, and each is answered', async () => {
    const client = await gateway.connect();
    const answered: number[] = [];
    const answers = NUMBERS.map(async (n) =>
      answered.push((await client.request('count', n)) as unknown as number),
    );
    await Promise.all(answers);
    expect(handled.map(({ n }) => n)).toEqual(NUMBERS);
    expect(answered).toEqual(NUMBERS);
    expect(mostOfOneTurn()).toBeLessThanOrEqual(256);
  });

  it('[D4] are handled before their clients are gone, when these leave right behind them', async () => {
    const opened = Array.from({ length: CLIENTS }, () => RawWebSocket.connect(gateway.url));
    const clients = await Promise.all(opened);
    for (const [n, client] of clients.entries()) {
      client.send(`42["count",${n}]`);
      client.send('41');
    }
    await handledAll(CLIENTS);
    expect(handled.filter(({ isThere }) => !isThere)).toEqual([]);
    for (const client of clients) client.close();
  });

  it('[D4] are handled in the order of each of many sockets', async () => {
    const opened = Array.from({ length: CLIENTS }, () => RawWebSocket.connect(gateway.url));
    const clients = await Promise.all(opened);
    for (const round of [0, 1]) {
      for (const [n, client] of clients.entries()) client.send(`42["count",${round * CLIENTS + n}]`);
    }
    await handledAll(2 * CLIENTS);
    for (let n = 0; n < CLIENTS; n++) {
      const both = handled.filter((each) => each.n % CLIENTS === n);
      expect(both.map((each) => each.n)).toEqual([n, n + CLIENTS]);
    }
    expect(mostOfOneTurn()).toBeLessThanOrEqual(256);
    for (const client of clients) client.close();
  });
});
