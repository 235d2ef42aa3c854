import type { WebhookChoices } from '../../config/webhook-rules.js';
import type { SocketEntry } from '../../protocol/entries.js';
import {
  ATTEMPTS_KEPT,
  KEY_OF_GATEWAY,
  keyOfRoom,
  keyOfUser,
  NOT_LET_IN,
  PARTITIONS,
  partitionOf,
  type OutboxEvent,
  type OutboxState,
  type UserEvent,
} from '../outbox.js';
import {
  type CreateEngine,
  type EngineSetup,
  type EngineTraits,
  type EngineUnderTest,
  publicationTo,
  uniqueName,
} from './engine-under-test.js';

const EVENTS = ['user.online', 'user.offline', 'socket.connected', 'socket.disconnected'] as const;
const ROOM_EVENTS = ['room.occupied', 'room.vacated', 'room.member_joined', 'room.member_left'] as const;

/** An engine that is told of sockets as a gateway tells it. */
class Told {
  constructor(readonly test: EngineUnderTest) {}

  get outbox() {
    return this.test.engine.outbox;
  }

  async enter(user: string, socketId = uniqueName('s')): Promise<string> {
    const entry: SocketEntry = {
      socketId,
      user,
      node: 'n',
      namespace: '/',
      transport: 'websocket',
      protocol: 4,
      address: '127.0.0.1',
      userAgent: '',
      connectedAt: new Date(0).toISOString(),
      rooms: [],
      info: { name: user },
    };
    await this.test.engine.holdings.enter(socketId, () => entry, 0);
    return socketId;
  }

  async leave(socketId: string, comesBack: boolean, reason = 'transport close'): Promise<void> {
    await this.test.engine.holdings.leave(socketId, comesBack, reason);
  }

  async join(socketId: string, room: string): Promise<void> {
    await this.test.engine.holdings.joined(socketId, room);
  }

  async part(socketId: string, room: string): Promise<void> {
    await this.test.engine.holdings.parted(socketId, room);
  }

  /** What was written of a key, oldest first. */
  async of(key: string): Promise<OutboxEvent[]> {
    return [...(await this.outbox.find(key, 100))].toReversed();
  }

  async typesOf(key: string): Promise<string[]> {
    return (await this.of(key)).map(({ type }) => type);
  }

  /** Waits until something was written of a key, while time goes on where it has to be waited for. */
  async waitFor(key: string, count: number, stepMs: number): Promise<OutboxEvent[]> {
    for (;;) {
      const found = await this.of(key);
      if (found.length >= count) return found;
      await this.test.advance(stepMs);
    }
  }
}

/** The events that the seam promises to write, and the places of endpoints. [W2] to [W6] */
export function describeOutbox(create: CreateEngine, { lifeMs }: EngineTraits): void {
  const endpoint = uniqueName('e');
  const running: EngineUnderTest[] = [];
  const opened = async (setup: EngineSetup): Promise<Told> => {
    const test = await create(setup);
    running.push(test);
    return new Told(test);
  };
  const open = async (
    events: readonly (typeof EVENTS)[number][] = EVENTS,
    rooms = '*',
    recoveryWindowMs = lifeMs,
  ): Promise<Told> => {
    const choices: WebhookChoices = {
      name: endpoint,
      events: [
        ...events.map((event) => ({ event, rooms: '*' })),
        ...ROOM_EVENTS.map((event) => ({ event, rooms })),
        { event: 'publication', rooms: 'told:*' },
      ],
    };
    const webhooks = [{ name: endpoint, url: 'http://127.0.0.1/' }];
    return opened({ history: [], recoveryWindowMs, webhooks, webhookEvents: [choices] });
  };
  afterEach(async () => {
    for (const test of running.splice(0)) await test.close();
  });

  it('[W2] tells of a user with its first socket and with its last one, and of every socket', async () => {
    const told = await open();
    const user = uniqueName('u');
    const one = await told.enter(user);
    const two = await told.enter(user);
    await told.leave(one, false, 'client namespace disconnect');
    await told.leave(two, false, 'client namespace disconnect');
    const events = await told.of(keyOfUser(user));
    expect(events.map(({ type, data }) => [type, data['socketId'], data['sockets']])).toEqual([
      ['user.online', one, undefined],
      ['socket.connected', one, 1],
      ['socket.connected', two, 2],
      ['socket.disconnected', one, 1],
      ['socket.disconnected', two, 0],
      ['user.offline', undefined, 0],
    ]);
    expect(events[0]!.data).toEqual({ user, socketId: one, node: expect.any(String), info: { name: user } });
    expect(events[4]!.data).toMatchObject({ reason: 'client namespace disconnect' });
    expect(events[5]!.data).toEqual({ user, reason: 'left', sockets: 0 });
  });

  it('[W3] numbers the events of a partition without a gap, in one epoch', async () => {
    const told = await open();
    const user = uniqueName('u');
    await told.leave(await told.enter(user), false);
    await told.leave(await told.enter(user), false);
    const events = await told.of(keyOfUser(user));
    expect(events).toHaveLength(8);
    const first = events[0]!;
    expect(events.map(({ seq }) => seq)).toEqual(events.map((_, index) => first.seq + index));
    expect(new Set(events.map(({ epoch }) => epoch)).size).toBe(1);
    expect(first.partition).toBe(partitionOf(keyOfUser(user)));
    expect(Math.abs(first.at - Date.now())).toBeLessThan(60_000);
  });

  it('[W4] a user whose connection broke and who is back in time was neither offline nor online', async () => {
    const told = await open(['user.online', 'user.offline'], '*', 600_000);
    const user = uniqueName('u');
    await told.leave(await told.enter(user), true);
    const back = await told.enter(user);
    await told.leave(await told.enter(user), true);
    expect(await told.typesOf(keyOfUser(user))).toEqual(['user.online']);
    await told.leave(back, false);
    expect(await told.typesOf(keyOfUser(user))).toEqual(['user.online', 'user.offline']);
  });

  it('[W4] a user that does not come back is offline when the window is over, once', async () => {
    const told = await open(['user.online', 'user.offline']);
    const user = uniqueName('u');
    await told.leave(await told.enter(user), true);
    expect(await told.typesOf(keyOfUser(user))).toEqual(['user.online']);
    const events = await told.waitFor(keyOfUser(user), 2, lifeMs + 1);
    expect(events.map(({ type, data }) => [type, data['reason']])).toEqual([
      ['user.online', undefined],
      ['user.offline', 'lost'],
    ]);
    await told.enter(user);
    expect(await told.typesOf(keyOfUser(user))).toEqual(['user.online', 'user.offline', 'user.online']);
  });

  it('[W4] a user that is refused on its way back is held on', async () => {
    const told = await open(['user.online', 'user.offline'], '*', 600_000);
    const user = uniqueName('u');
    await told.leave(await told.enter(user), true);
    await told.leave(await told.enter(user), false, NOT_LET_IN);
    await told.enter(user);
    expect(await told.typesOf(keyOfUser(user))).toEqual(['user.online']);
    const stranger = uniqueName('u');
    await told.leave(await told.enter(stranger), false, NOT_LET_IN);
    expect(await told.typesOf(keyOfUser(stranger))).toEqual(['user.online', 'user.offline']);
  });

  it('[W4] a socket that another connection takes over leaves its user online', async () => {
    const told = await open();
    const user = uniqueName('u');
    const socketId = await told.enter(user);
    await told.enter(user, socketId);
    expect(await told.typesOf(keyOfUser(user))).toEqual([
      'user.online',
      'socket.connected',
      'socket.disconnected',
      'socket.connected',
    ]);
  });

  it('[W2] tells of rooms by users: occupied, member joined, member left, vacated', async () => {
    const told = await open(['user.online'], 'r*');
    const [ada, bob, room] = [uniqueName('u'), uniqueName('u'), uniqueName('r')];
    const [one, two, three] = [await told.enter(ada), await told.enter(ada), await told.enter(bob)];
    for (const socketId of [one, two, three, three]) await told.join(socketId, room);
    for (const socketId of [one, two, three]) await told.part(socketId, room);
    const events = await told.of(keyOfRoom(room));
    expect(events.map(({ type, data }) => [type, data['user']])).toEqual([
      ['room.occupied', undefined],
      ['room.member_joined', ada],
      ['room.member_joined', bob],
      ['room.member_left', ada],
      ['room.member_left', bob],
      ['room.vacated', undefined],
    ]);
    expect(events[1]!.data).toEqual({ room, user: ada, info: { name: ada } });
    const unwanted = uniqueName('x');
    await told.join(one, unwanted);
    expect(await told.of(keyOfRoom(unwanted))).toEqual([]);
  });

  it('[W4] a member whose connection broke stays one until the window is over', async () => {
    const told = await open(['user.online']);
    const [ada, bob] = [uniqueName('u'), uniqueName('u')];
    const room = uniqueName('r');
    const one = await told.enter(ada);
    await told.join(one, room);
    await told.leave(one, true);
    const again = await told.enter(ada);
    await told.join(again, room);
    await told.part(again, room);
    expect(await told.typesOf(keyOfRoom(room))).toEqual([
      'room.occupied',
      'room.member_joined',
      'room.member_left',
      'room.vacated',
    ]);
    const two = await told.enter(bob);
    await told.join(two, room);
    await told.leave(two, true);
    const events = await told.waitFor(keyOfRoom(room), 8, lifeMs + 1);
    expect(events.slice(4).map(({ type, data }) => [type, data['user'], data['reason']])).toEqual([
      ['room.occupied', undefined, undefined],
      ['room.member_joined', bob, undefined],
      ['room.member_left', bob, 'lost'],
      ['room.vacated', undefined, undefined],
    ]);
  });

  it('[W2] tells of publications to the rooms that are named, with what fits', async () => {
    const told = await open();
    const room = uniqueName('told:');
    const { engine } = told.test;
    const publish = async (more: object): Promise<void> => {
      await engine.publish(publicationTo({ rooms: [room, 'other'] }, more)).remote;
    };
    await publish({ id: 'one', args: [1, Buffer.from([1])], user: 'ada' });
    await publish({ id: 'two', args: ['x'.repeat(20_000)] });
    await publish({ id: 'three', volatile: true });
    const events = await told.of(keyOfRoom(room));
    expect(events.map(({ type, data }) => [type, data])).toEqual([
      ['publication', { room, id: 'one', event: 'news', args: [1, { $base64: 'AQ==' }], user: 'ada' }],
      ['publication', { room, id: 'two', event: 'news', truncated: true }],
    ]);
    expect(await told.of(keyOfRoom('other'))).toEqual([]);
  });

  it('writes nothing where nobody wants anything', async () => {
    const told = await opened({ history: [], recoveryWindowMs: lifeMs });
    const user = uniqueName('u');
    await told.leave(await told.enter(user), false);
    expect(await told.of(keyOfUser(user))).toEqual([]);
  });

  it('[N7] tells those who listen of users, once per change, also without endpoints', async () => {
    const told = await opened({ history: [], recoveryWindowMs: lifeMs });
    const user = uniqueName('u');
    const heard: UserEvent[] = [];
    let news: () => void = () => undefined;
    const ends = told.outbox.hear((event) => {
      if (event.data['user'] === user) heard.push(event);
      news();
    });
    // What listens is known to shared state with the next thing that is asked of it.
    await told.outbox.state([]);
    await told.leave(await told.enter(user), false);
    while (heard.length < 2) await new Promise<void>((done) => (news = done));
    expect(heard.map(({ type }) => type)).toEqual(['user.online', 'user.offline']);
    ends();
    await told.outbox.state([]);
    await told.enter(user);
    expect(heard).toHaveLength(2);
  });

  describe('places of endpoints', () => {
    let told: Told;
    let state: OutboxState;
    const user = uniqueName('u');
    const partition = partitionOf(keyOfUser(user));
    const note = (seq: number, replays = state.endpoints[0]!.replays, epoch = state.epoch) =>
      told.outbox.commit([{ endpoint, epoch, partition, seq, replays }], []);

    beforeAll(async () => {
      told = await open(['user.online', 'user.offline']);
      running.splice(0);
    });
    afterAll(() => told.test.close());

    it('[W5] begin with the news that the gateway has started', async () => {
      const [started] = await told.of(KEY_OF_GATEWAY);
      expect(started).toMatchObject({ type: 'gateway.started', data: {} });
    });

    it('[W8] one node sends a partition, and alone it sends all of them', async () => {
      state = await told.outbox.claim([endpoint]);
      expect(state.owned).toHaveLength(PARTITIONS);
      expect(state.share).toBe(PARTITIONS);
      expect(state.endpoints).toHaveLength(1);
      expect(state.ownedForMs).toBeGreaterThan(0);
    });

    it('[W6] events are read after a place, and the place is where they were delivered up to', async () => {
      await told.leave(await told.enter(user), false);
      const [online, offline] = await told.of(keyOfUser(user));
      const page = await told.outbox.read(partition, online!.seq - 1, 10);
      expect(page).toEqual([online, offline]);
      expect(await told.outbox.read(partition, online!.seq - 1, 1)).toEqual([online]);
      expect(await told.outbox.read(partition, offline!.seq, 10)).toEqual([]);
      expect(await note(online!.seq)).toEqual([true]);
      state = await told.outbox.state([endpoint]);
      expect(state.endpoints[0]!.delivered[partition]).toBe(online!.seq);
      expect(state.last[partition]).toBe(offline!.seq);
      const oldest = await told.outbox.oldest(state.endpoints[0]!.delivered);
      expect(oldest[partition]).toBe(offline!.at);
      await note(offline!.seq);
      expect(
        (await told.outbox.oldest((await told.outbox.state([endpoint])).last))[partition],
      ).toBeUndefined();
    });

    it('[W7] a replay sets the place back, and what was sent before it counts no longer', async () => {
      const [online, offline] = await told.of(keyOfUser(user));
      expect(await told.outbox.replay(endpoint, online!.at)).toBeGreaterThanOrEqual(2);
      const after = await told.outbox.state([endpoint]);
      expect(after.endpoints[0]!.delivered[partition]).toBeLessThan(online!.seq);
      expect(after.endpoints[0]!.replays).toBe(state.endpoints[0]!.replays + 1);
      expect(await note(offline!.seq)).toEqual([false]);
      state = after;
      expect(await note(offline!.seq)).toEqual([true]);
      expect(await told.outbox.replay(endpoint, Date.now() + 60_000)).toBe(0);
    });

    it('[W3] [W5] what was delivered of another epoch counts no longer', async () => {
      const { endpoints } = await told.outbox.state([endpoint]);
      const { delivered, replays } = endpoints[0]!;
      expect(await note(delivered[partition]! + 100, replays, 'another')).toEqual([false]);
      expect((await told.outbox.state([endpoint])).endpoints[0]!.delivered).toEqual(delivered);
    });

    it('[W6] an endpoint is stopped, and goes on', async () => {
      await told.outbox.stop(endpoint, 'as');
      expect((await told.outbox.state([endpoint])).endpoints[0]!.stoppedAs).toBe('as');
      await told.outbox.stop(endpoint, undefined);
      expect((await told.outbox.state([endpoint])).endpoints[0]!.stoppedAs).toBeUndefined();
    });

    it('[W7] the last attempts are kept, newest first', async () => {
      const all = Array.from({ length: ATTEMPTS_KEPT + 5 }, (_, index) => String(index));
      await told.outbox.commit(
        [],
        all.map((text) => ({ endpoint, text })),
      );
      expect(await told.outbox.attempts(endpoint)).toEqual(all.toReversed().slice(0, ATTEMPTS_KEPT));
    });

    it('[W8] what is given back can be taken again', async () => {
      await told.outbox.release([partition]);
      expect((await told.outbox.claim([endpoint])).owned).toContain(partition);
    });
  });
}
