import fc from 'fast-check';
import {
  startGateway,
  type ClientOptions,
  type TestClient,
  type TestGateway,
} from 'switchboard-gateway/testing';
import { Namespaces } from '../../../src/sockets/namespaces.js';
import type { GatewaySocket } from '../../../src/sockets/socket-state.js';
import { MembershipService } from '../../../src/backend/membership.service.js';
import { arrivedAt } from '../../support/arrivals.js';
import {
  DeliveryModel,
  turns,
  userOf,
  type Command,
  type Payload,
  type SeatTarget,
} from '../../support/delivery-model.js';

/** Who sits where: every way a client can be connected. */
const CLIENTS: readonly ClientOptions[] = [
  { version: 4, transport: 'websocket' },
  { version: 4, transport: 'polling' },
  { version: 4, transport: 'upgrade' },
  { version: 2, transport: 'websocket' },
  { version: 2, transport: 'polling' },
  { version: 3, transport: 'upgrade' },
];

const RUNS = Number(process.env['FC_RUNS'] ?? 25);
const EVENT = 'numbered';
const ASKING = 'numbered?';
const LONG = 'x'.repeat(20_000);

const payloads: Readonly<Record<Payload, (number: number) => unknown>> = {
  short: (number) => ({ text: `number ${number}` }),
  long: () => LONG,
  binary: (number) => Buffer.from(`binary ${number}`),
};

const nextTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** The numbers that a client has got, in order, whether it was asked for an answer or not. */
const numbersAt = (client: TestClient): number[] =>
  client.queue.log
    .filter(({ event }) => event === EVENT || event === ASKING)
    .map(({ args }) => args[0] as number);

describe('many publications, many ways', () => {
  let gateway: TestGateway;

  beforeAll(async () => {
    gateway = await startGateway({ eventsPerSecond: 100_000, eventsBurst: 100_000 });
  });
  afterAll(async () => {
    await gateway?.close();
  });

  const seed = Number(process.env['FC_SEED'] ?? Date.now() % 2 ** 31);

  it(`[D4] [D5] [L7] are not lost, doubled, reordered or sent to others (seed ${seed})`, async () => {
    await fc.assert(
      fc.asyncProperty(turns, async (program) => {
        const table = await Table.seat(gateway);
        try {
          for (const commands of program) {
            for (const command of commands) table.carryOut(command);
            await nextTurn();
          }
          expect(await table.complaints()).toEqual([]);
        } finally {
          table.clear();
        }
      }),
      { numRuns: RUNS, seed },
    );
  }, 180_000);

  it('[D4] one client after the other: what each sends arrives in its order', async () => {
    const clients = await Promise.all(CLIENTS.map((options) => gateway.connect(options)));
    await Promise.all(clients.map((client) => client.request('room:join', { room: 'talk' })));
    for (let number = 0; number < 100; number++) {
      for (const [from, client] of clients.entries()) {
        client.emit('room:emit', { room: 'talk', event: EVENT, args: [number, from], echo: true });
      }
    }
    // An acknowledgement comes after all that the same client sent before.
    await Promise.all(clients.map((client) => client.settled()));
    await Promise.all(clients.map((client) => client.settled()));
    const wanted = Array.from({ length: 100 }, (_, number) => number);
    for (const client of clients) {
      for (const from of clients.keys()) {
        const got = arrivedAt(client, EVENT).filter((args) => args[1] === from);
        expect(got.map(([number]) => number)).toEqual(wanted);
      }
    }
  });
});

/** One client a seat, and the model that knows what each has to get. */
class Table {
  private readonly model = new DeliveryModel();
  private readonly answered: Promise<string | undefined>[] = [];
  private number = 0;

  private constructor(
    private readonly gateway: TestGateway,
    private readonly clients: readonly TestClient[],
    private readonly sockets: readonly GatewaySocket[],
  ) {}

  /** Clients that upgrade do so while they are sent to. */
  static async seat(gateway: TestGateway): Promise<Table> {
    const clients = await Promise.all(
      CLIENTS.map((options, seat) => gateway.connect({ ...options, auth: { user: userOf(seat) } })),
    );
    for (const client of clients) client.answer(ASKING, (number) => number);
    const namespaces = gateway.app.get(Namespaces);
    const sockets = clients.map((client) => namespaces.findSocket(client.id!)!);
    return new Table(gateway, clients, sockets);
  }

  carryOut(command: Command): void {
    switch (command.does) {
      case 'publish':
        this.publish(command);
        break;
      case 'emit':
        this.emit(command.seat, command.payload);
        break;
      case 'join':
      case 'leave':
        this.move(command.does, command.seat, command.room);
        break;
      case 'end':
        this.end(command.seat, command.reconnect);
        break;
      case 'close':
        if (!this.model.isPresent(command.seat)) return;
        this.model.closed.add(command.seat);
        this.clients[command.seat]!.close();
        break;
    }
  }

  /** What anybody got that it should not have, or the other way round. */
  async complaints(): Promise<string[]> {
    const answers = await Promise.all(this.answered);
    await Promise.all(
      this.clients.map((client, seat) => {
        if (this.model.closed.has(seat)) return undefined;
        return this.model.ended.has(seat) ? client.next('disconnect') : client.settled();
      }),
    );
    const complaints = this.clients.flatMap((client, seat) => [
      this.model.complaint(seat, numbersAt(client)),
      this.goodbyeComplaint(client, seat),
    ]);
    return [...answers, ...complaints].filter((complaint) => complaint !== undefined);
  }

  clear(): void {
    for (const client of this.clients) client.close();
  }

  /** A client that is ended is told so, after everything else. [L7] */
  private goodbyeComplaint(client: TestClient, seat: number): string | undefined {
    if (!this.model.ended.has(seat) || this.model.closed.has(seat)) return undefined;
    const names = client.queue.log.map(({ event }) => event);
    const [goodbye, disconnect] = names.slice(-2);
    if (goodbye === 'server:disconnect' && disconnect === 'disconnect') return undefined;
    return `seat ${seat} was ended with ${goodbye}, ${disconnect}`;
  }

  private publish({ to, except, volatile, acknowledged, payload }: Command & { does: 'publish' }): void {
    const number = this.number++;
    const seats = this.connected(this.model.recipients(to, except));
    this.model.owe(seats, number, volatile);
    let draft = this.gateway.broadcaster.to(this.target(to)).except(this.selection(except));
    if (volatile) draft = draft.volatile();
    const argument = payloads[payload](number);
    if (!acknowledged) {
      this.answered.push(
        draft.emit(EVENT, number, argument).then(({ matched }) => {
          return matched === seats.length ? undefined : `${number} matched ${matched} of ${seats.length}`;
        }),
      );
      return;
    }
    const socketIds = seats.map((seat) => this.sockets[seat]!.id);
    const named = to.all ? [] : to.seats.filter((seat) => !except.seats.includes(seat));
    const absent = named.map((seat) => this.sockets[seat]!).filter(({ connected }) => !connected);
    // Who dropped a volatile publication never answers.
    const timeoutMs = volatile ? 50 : 20_000;
    this.answered.push(
      draft.emitWithAck(ASKING, number, argument, { timeoutMs }).then(({ responses, missing }) => {
        const told = [...responses, ...missing].map(({ socketId }) => socketId);
        const wanted = new Set([...socketIds, ...absent.map(({ id }) => id)]);
        if (told.length !== new Set(told).size) return `${number}: answers twice`;
        if (told.toSorted().join() !== [...wanted].toSorted().join()) return `${number}: other answers`;
        const unlike = responses.find(({ args }) => args[0] !== number);
        if (unlike) return `${number}: answered with ${String(unlike.args[0])}`;
        const lost = volatile ? [] : missing.filter(({ socketId }) => this.staysToTheEnd(socketId));
        return lost.length === 0 ? undefined : `${number}: ${lost.length} did not answer`;
      }),
    );
  }

  private emit(seat: number, payload: Payload): void {
    const socket = this.sockets[seat]!;
    if (!socket.connected) return;
    const number = this.number++;
    this.model.owe([seat], number, false);
    socket.emit(EVENT, number, payloads[payload](number));
  }

  private move(does: 'join' | 'leave', seat: number, room: string): void {
    const socket = this.sockets[seat]!;
    if (!socket.connected) return;
    this.model.move(does, seat, room);
    void socket[does](room);
  }

  private end(seat: number, reconnect: boolean): void {
    const socket = this.sockets[seat]!;
    if (!socket.connected || !this.model.isPresent(seat)) return;
    this.model.ended.add(seat);
    const ended = this.gateway.app.get(MembershipService).disconnect({ socketId: socket.id }, reconnect);
    this.answered.push(ended.then((count) => (count === 1 ? undefined : `ended ${count} sockets`)));
  }

  /** Those in the registry: the gateway may not know yet that a client has gone. */
  private connected(seats: readonly number[]): number[] {
    return seats.filter((seat) => this.sockets[seat]!.connected);
  }

  private staysToTheEnd(socketId: string): boolean {
    const seat = this.sockets.findIndex(({ id }) => id === socketId);
    return !this.model.closed.has(seat) && !this.model.ended.has(seat);
  }

  private target(to: SeatTarget): { all: true } | ReturnType<Table['selection']> {
    return to.all ? { all: true } : this.selection(to);
  }

  private selection({ rooms, users, seats }: SeatTarget): {
    rooms: string[];
    users: string[];
    sockets: string[];
  } {
    return {
      rooms: [...rooms],
      users: [...users],
      sockets: seats.map((seat) => this.sockets[seat]!.id),
    };
  }
}
