import type { OnApplicationShutdown } from '@nestjs/common';
import {
  ConnectedSocket,
  MessageBody,
  SubscribeMessage,
  WebSocketGateway,
  WsException,
  type OnGatewayConnection,
  type OnGatewayDisconnect,
  type OnGatewayInit,
} from '@nestjs/websockets';
import { EventEmitter, once } from 'node:events';
import type { Server, ServerOptions } from 'socket.io';
import { identityOf, SwitchboardApiModule, SwitchboardError, type GatewaySocket } from 'switchboard-gateway';
import type { TestGateway } from 'switchboard-gateway/testing';
import { CollectingLogger } from '../../support/collecting-logger.js';
import { closeEmbeddings, counted, startEmbedding } from '../../support/embedding.js';
import { RawWebSocket } from '../../support/raw-clients.js';
import { sessionOf } from '../../support/recovering.js';

/** What goes wrong in a hook; never shown to a client. */
const SECRET = 'hunter2';

/** What hooks tell tests, and tests tell hooks. */
let bus: EventEmitter;

type Behaviour = (socket: GatewaySocket) => unknown;

/** What each user's connection hook does. */
const ON_CONNECTION: Readonly<Record<string, Behaviour>> = {
  'throws at once': () => {
    throw new Error(SECRET);
  },
  'throws later': async () => {
    await Promise.resolve();
    throw new Error(SECRET);
  },
  'never ends': () => new Promise(() => {}),
  'refuses in Nest’s words': () => {
    throw new WsException('not today');
  },
  'refuses with a code': () => {
    throw new SwitchboardError('kicked');
  },
  waits: () => once(bus, 'go'),
};

const ON_DISCONNECT: Readonly<Record<string, Behaviour>> = {
  'fails at the end': () => {
    throw new Error(SECRET);
  },
  'fails after the end': () => Promise.reject(new Error(SECRET)),
};

@WebSocketGateway()
class MoodyGateway implements OnGatewayConnection, OnGatewayDisconnect {
  handleConnection(socket: GatewaySocket): unknown {
    bus.emit('hook started', identityOf(socket).user);
    return ON_CONNECTION[identityOf(socket).user]?.(socket);
  }

  handleDisconnect(socket: GatewaySocket, reason: string): unknown {
    bus.emit('gone', identityOf(socket).user, reason);
    return ON_DISCONNECT[identityOf(socket).user]?.(socket);
  }

  @SubscribeMessage('echo')
  echo(@MessageBody() value: unknown): unknown {
    bus.emit('handled', value);
    return { echoed: value };
  }
}

describe('the lifecycle hooks of an app of its own', () => {
  let gateway: TestGateway;
  let logger: CollectingLogger;

  beforeEach(async () => {
    bus = new EventEmitter();
    logger = new CollectingLogger();
    gateway = await startEmbedding({
      logger,
      options: { handlerTimeoutMs: 1_500 },
      providers: [MoodyGateway],
    });
  });
  afterEach(closeEmbeddings);

  const as = (user: string) => gateway.connect({ auth: { user } });
  const secretsLogged = (): number => logger.lines.filter(({ message }) => message.includes(SECRET)).length;

  it.each([
    ['throws at once', 1],
    ['throws later', 1],
    ['never ends', 0],
  ])('[L4] end that socket only when handleConnection %s', async (user, secrets) => {
    const other = await as('calm');
    const client = await as(user);
    expect(await client.next('server:disconnect')).toEqual([
      { code: 'internal', message: 'something went wrong on the server', retryable: true },
    ]);
    expect(await client.next('disconnect')).toEqual(['transport close', expect.anything()]);
    expect(await other.request('echo', 1)).toEqual({ echoed: 1 });
    await logger.until('a user disconnected', { user, reason: 'internal' });
    expect(secretsLogged()).toBe(secrets);
    expect(await counted(gateway, 'failures_total', { place: 'connection_hook' })).toBe(1);
    expect(logger.find('a user disconnected', { user })).toHaveLength(1);
  });

  it.each([
    ['refuses in Nest’s words', { code: 'request.refused', message: 'not today' }],
    ['refuses with a code', { code: 'kicked' }],
  ])('[L7] end the socket for good when handleConnection %s', async (user, expected) => {
    const client = await as(user);
    expect(await client.next('server:disconnect')).toEqual([expect.objectContaining(expected)]);
    expect((await client.next('disconnect'))[0]).toBe('io server disconnect');
    expect(await counted(gateway, 'failures_total')).toBe(0);
  });

  it('[L5] hold back events until handleConnection has ended, and keep their order', async () => {
    const started = once(bus, 'hook started');
    const handled: unknown[] = [];
    bus.on('handled', (value) => handled.push(value));
    const client = await as('waits');
    const answers = Promise.all([1, 2, 3].map((value) => client.request('echo', value)));
    await started;
    // A round trip of another socket: what was sent before it has been received by now, or comes later still.
    await (await as('calm')).settled();
    expect(handled).toEqual([]);

    bus.emit('go');
    expect(await answers).toEqual([{ echoed: 1 }, { echoed: 2 }, { echoed: 3 }]);
    expect(handled).toEqual([1, 2, 3]);
  });

  it('[L4] run handleDisconnect with the reason, after handleConnection has ended', async () => {
    const order: string[] = [];
    const gone = once(bus, 'gone').then((args: unknown[]) => {
      order.push('gone');
      return args;
    });
    const client = await as('waits');
    client.close();
    // It is out of the registry, so its end has been handled as far as it can be.
    const other = await as('calm');
    while ((await gateway.registry.getUser('waits')).online) await other.settled();

    order.push('go');
    bus.emit('go');
    expect(await gone).toEqual(['waits', 'client namespace disconnect']);
    expect(order).toEqual(['go', 'gone']);
  });

  it('[L4] handle no event of a socket whose handleConnection failed', async () => {
    const handled: unknown[] = [];
    bus.on('handled', (value) => handled.push(value));
    const client = gateway.open({ auth: { user: 'throws later' } });
    client.emit('echo', 1);
    await client.next('disconnect');
    await (await as('calm')).request('echo', 2);
    expect(handled).toEqual([2]);
  });

  it.each(['fails at the end', 'fails after the end'])(
    '[L4] log and count a handleDisconnect that %s',
    async (user) => {
      const client = await as(user);
      const gone = once(bus, 'gone');
      client.close();
      expect((await gone)[0]).toBe(user);
      const other = await as('calm');
      expect(await other.request('echo', 1)).toEqual({ echoed: 1 });
      expect(secretsLogged()).toBe(1);
      expect(await counted(gateway, 'failures_total', { place: 'disconnect_hook' })).toBe(1);
    },
  );
});

describe('a handleDisconnect that goes on while the app shuts down', () => {
  afterEach(closeEmbeddings);

  const startWith = (order: string[], logger = new CollectingLogger()): Promise<TestGateway> => {
    @WebSocketGateway()
    class SlowGoodbyeGateway implements OnGatewayConnection, OnGatewayDisconnect, OnApplicationShutdown {
      async handleConnection(socket: GatewaySocket): Promise<void> {
        if (identityOf(socket).user === 'slow to come') await once(bus, 'hook go');
      }

      async handleDisconnect(): Promise<void> {
        bus.emit('gone');
        await once(bus, 'go');
        order.push('hook ends');
      }

      onApplicationShutdown(): void {
        order.push('app shuts down');
      }
    }
    bus = new EventEmitter();
    return startEmbedding({ logger, options: { handlerTimeoutMs: 20_000 }, providers: [SlowGoodbyeGateway] });
  };

  /** Until everything that waits for nobody has had its turn. */
  const manyTurns = async (): Promise<void> => {
    for (let turn = 0; turn < 200; turn++) await new Promise(setImmediate);
  };

  it('[L4] [O2] ends before the app is told, whoever ended the socket', async () => {
    const order: string[] = [];
    const gateway = await startWith(order);
    const [left, drained, slow] = await Promise.all([
      gateway.connect(),
      gateway.connect(),
      gateway.connect({ auth: { user: 'slow to come' } }),
    ]);
    const leftGone = once(bus, 'gone');
    left.close();
    await leftGone;
    const drainedGone = once(bus, 'gone');
    const closing = gateway.close();
    await Promise.all([drainedGone, drained.next('disconnect'), slow.next('disconnect')]);
    await manyTurns();
    const slowGone = once(bus, 'gone');
    bus.emit('hook go');
    await slowGone;
    await manyTurns();
    bus.emit('go');
    await closing;
    expect(order).toEqual(['hook ends', 'hook ends', 'hook ends', 'app shuts down']);
  });

  it('[O2] keeps the app from shutting down for some seconds at most', async () => {
    const order: string[] = [];
    const logger = new CollectingLogger();
    const gateway = await startWith(order, logger);
    await gateway.connect();
    await gateway.close();
    expect(order).toEqual(['app shuts down']);
    bus.emit('go');
    expect(logger.find('disconnect hooks did not end in time', { sockets: 1 })).toHaveLength(1);
  });
});

describe('afterInit of an app of its own', () => {
  afterEach(closeEmbeddings);

  it.each<[string, () => unknown]>([
    [
      'throws',
      () => {
        throw new Error(SECRET);
      },
    ],
    ['rejects', () => Promise.reject(new Error(SECRET))],
    ['never ends', () => new Promise(() => {})],
  ])('[L4] does not stop the gateway when it %s', async (how, afterInit) => {
    @WebSocketGateway()
    class InitGateway implements OnGatewayInit {
      afterInit(): unknown {
        return afterInit();
      }
    }
    const logger = new CollectingLogger();
    const gateway = await startEmbedding({ logger, providers: [InitGateway] });
    await (await gateway.connect()).settled();
    const failures = how === 'never ends' ? 0 : 1;
    expect(logger.lines.filter(({ message }) => message.includes('afterInit of InitGateway'))).toHaveLength(
      failures,
    );
    expect(await counted(gateway, 'failures_total', { place: 'init_hook' })).toBe(failures);
  });

  it.each<[event: 'connection' | 'connect', how: string, fail: () => unknown]>([
    [
      'connection',
      'throws',
      () => {
        throw new Error(SECRET);
      },
    ],
    ['connection', 'rejects', () => Promise.reject(new Error(SECRET))],
    [
      'connect',
      'throws',
      () => {
        throw new Error(SECRET);
      },
    ],
  ])(
    '[L4] may listen for %s on the server; when that %s, it ends that socket only',
    async (event, _how, fail) => {
      const heard: string[] = [];
      @WebSocketGateway()
      class ListeningGateway implements OnGatewayInit<Server>, OnGatewayConnection {
        afterInit(server: Server): void {
          server.on(event, (socket: GatewaySocket) =>
            identityOf(socket).user === 'calm' ? undefined : fail(),
          );
          server.of(/^\/tenant-\d$/).on(event, fail);
          server.on('connection', (socket: GatewaySocket) => heard.push(identityOf(socket).user));
        }

        handleConnection(socket: GatewaySocket): void {
          heard.push(`hook: ${identityOf(socket).user}`);
        }
      }
      const logger = new CollectingLogger();
      const gateway = await startEmbedding({ logger, providers: [ListeningGateway] });
      const calm = await gateway.connect({ auth: { user: 'calm' } });
      for (const namespace of ['/', '/tenant-1']) {
        const client = gateway.open({ namespace, auth: { user: 'ann' } });
        expect(await client.next('server:disconnect')).toMatchObject([{ code: 'internal' }]);
        expect((await client.next('disconnect'))[0]).toBe('transport close');
        client.close();
      }
      await calm.settled();
      expect(heard).toEqual(['hook: calm', 'calm', 'hook: ann', 'ann']);
      expect((await gateway.registry.getStats()).sockets).toBe(1);
      expect(logger.find('a user disconnected', { user: 'ann', reason: 'internal' })).toHaveLength(2);
      expect(logger.lines.filter(({ message }) => message.includes(SECRET))).toHaveLength(2);
      expect(await counted(gateway, 'failures_total', { place: 'connection_hook' })).toBe(2);
    },
  );

  type Middleware = Parameters<Server['use']>[0];

  const startWith = (middleware: Middleware, logger = new CollectingLogger()): Promise<TestGateway> => {
    @WebSocketGateway()
    class MiddlewareGateway implements OnGatewayInit<Server> {
      afterInit(server: Server): void {
        server.use(middleware);
      }
    }
    return startEmbedding({ logger, options: { handlerTimeoutMs: 1_000 }, providers: [MiddlewareGateway] });
  };

  const coded = (failure: unknown): unknown => (failure as { data?: unknown }).data;

  it.each<[string, Middleware]>([
    [
      'throws',
      () => {
        throw new Error(SECRET);
      },
    ],
    // Socket.IO types middlewares as returning nothing, and apps write async ones all the same.
    ['rejects', (async () => Promise.reject(new Error(SECRET))) as Middleware],
    ['never calls next()', () => {}],
  ])('[L2] may add a middleware; one that %s refuses with internal', async (_how, middleware) => {
    const gateway = await startWith(middleware);
    const internal = { code: 'internal', message: 'something went wrong on the server', retryable: true };
    const client = gateway.open();
    const [failure] = await client.next('connect_error');
    expect(coded(failure)).toEqual(internal);
    const legacy = gateway.open({ version: 2 });
    expect(await legacy.next('error')).toEqual([internal]);
    expect(await counted(gateway, 'failures_total', { place: 'handshake' })).toBe(2);
    expect((await gateway.registry.getStats()).sockets).toBe(0);
  });

  it('[L2] may add a middleware that refuses with data of its own', async () => {
    const gateway = await startWith((_socket, next) =>
      next(Object.assign(new Error('members only'), { data: { tier: 'gold' } })),
    );
    const client = gateway.open();
    const [failure] = await client.next('connect_error');
    expect((failure as Error).message).toBe('members only');
    expect(coded(failure)).toEqual({
      code: 'access.denied',
      message: 'members only',
      retryable: false,
      tier: 'gold',
    });
    const legacy = gateway.open({ version: 2 });
    expect(await legacy.next('error')).toEqual([expect.objectContaining({ tier: 'gold' })]);
  });

  it('[L2] may add a middleware that knows who the user is', async () => {
    const users: unknown[] = [];
    const gateway = await startWith((socket, next) => {
      users.push(identityOf(socket as GatewaySocket).user);
      next();
    });
    await gateway.connect({ auth: { user: 'ann' } });
    expect(users).toEqual(['ann']);
  });
});

describe('allowRequest of an app of its own', () => {
  afterEach(closeEmbeddings);

  type AllowRequest = NonNullable<ServerOptions['allowRequest']>;

  const startWith = (allowRequest: AllowRequest): Promise<TestGateway> => {
    @WebSocketGateway({ allowRequest })
    class CheckingGateway {}
    return startEmbedding({ options: { handlerTimeoutMs: 1_000 }, providers: [CheckingGateway] });
  };

  const mayEnter: AllowRequest = (request, callback) =>
    callback('members only', request.headers['x-member'] === 'yes');

  it.each(['polling', 'websocket'] as const)(
    '[L2] [A5] decides too, after the gateway, by %s',
    async (transport) => {
      const gateway = await startWith(mayEnter);
      const refused = gateway.open({ transport });
      await refused.next('connect_error');
      expect(await counted(gateway, 'refusals_total', { code: 'access.denied' })).toBe(1);
      const extraHeaders = { 'x-member': 'yes' };
      await gateway.connect({ transport, client: { extraHeaders } });
      const foreign = { ...extraHeaders, origin: 'https://evil.example' };
      await gateway.open({ transport, client: { extraHeaders: foreign } }).next('connect_error');
      expect(await counted(gateway, 'refusals_total', { code: 'origin.refused' })).toBe(1);
      expect(await gateway.registry.getStats()).toMatchObject({ sockets: 1 });
    },
  );

  it.each<[string, AllowRequest]>([
    [
      'throws',
      () => {
        throw new Error(SECRET);
      },
    ],
    ['rejects', (async () => Promise.reject(new Error(SECRET))) as AllowRequest],
    ['never decides', () => {}],
  ])('[L2] [L4] refuses with internal when it %s', async (_how, allowRequest) => {
    const gateway = await startWith(allowRequest);
    const answer = await fetch(`${gateway.url}/socket.io/?EIO=4&transport=polling`);
    expect(await answer.json()).toEqual({ code: 4, message: 'internal: something went wrong on the server' });
    expect(await counted(gateway, 'refusals_total', { code: 'internal' })).toBe(1);
    expect(await counted(gateway, 'failures_total', { place: 'handshake' })).toBe(1);
  });
});

describe('other options of an app’s own gateway', () => {
  afterEach(closeEmbeddings);

  it('hold on the path that it shares with the gateway', async () => {
    @WebSocketGateway({ transports: ['websocket'] })
    class WebSocketOnlyGateway {}
    const gateway = await startEmbedding({ providers: [WebSocketOnlyGateway] });
    await gateway.open({ transport: 'polling' }).next('connect_error');
    await gateway.connect({ transport: 'websocket' });
  });

  it('[A5] [H4] have no effect where the gateway decides, and that is said', async () => {
    @WebSocketGateway({ cors: { origin: '*' }, connectionStateRecovery: {} })
    class CarelessGateway {}
    const logger = new CollectingLogger();
    const gateway = await startEmbedding({ logger, providers: [CarelessGateway] });
    for (const option of ['cors', 'connectionStateRecovery']) {
      expect(logger.lines.filter(({ message }) => message.includes(`the \`${option}\` option`))).toHaveLength(
        1,
      );
    }
    const answer = await fetch(`${gateway.url}/socket.io/?EIO=4&transport=polling`, {
      headers: { origin: 'https://evil.example' },
    });
    expect(answer.status).toBe(403);
    expect(answer.headers.get('access-control-allow-origin')).toBeNull();
  });
});

describe('what an app puts on a socket in handleConnection', () => {
  beforeEach(() => {
    bus = new EventEmitter();
  });
  afterEach(closeEmbeddings);

  const startWith = (handleConnection: Behaviour, logger = new CollectingLogger()): Promise<TestGateway> => {
    @WebSocketGateway()
    class OwnListenersGateway implements OnGatewayConnection, OnGatewayDisconnect {
      handleConnection(socket: GatewaySocket): unknown {
        return handleConnection(socket);
      }

      handleDisconnect(socket: GatewaySocket, reason: string): void {
        bus.emit('gone', identityOf(socket).user, reason);
      }

      @SubscribeMessage('handled')
      handled(@ConnectedSocket() _socket: GatewaySocket, @MessageBody() value: unknown): unknown {
        return { handled: value };
      }
    }
    return startEmbedding({
      logger,
      imports: [SwitchboardApiModule],
      options: { handlerTimeoutMs: 1_500 },
      providers: [OwnListenersGateway],
    });
  };

  it('socket.on() listeners get the arguments and answer; once() listeners hear once', async () => {
    const gateway = await startWith((socket) => {
      socket.on('sum', (a: number, b: number, acknowledge: (sum: number) => void) => acknowledge(a + b));
      socket.once('once', (acknowledge: (text: string) => void) => acknowledge('first'));
    });
    const client = await gateway.connect();
    expect(await client.request('sum', 2, 3)).toBe(5);
    expect(await client.request('once')).toBe('first');
    expect(await client.request('once')).toMatchObject({ error: { code: 'event.unknown' } });
  });

  it.each<[how: string, cause: string, behaviour: Behaviour]>([
    [
      'throws',
      SECRET,
      (socket) =>
        socket.on('own', () => {
          throw new Error(SECRET);
        }),
    ],
    ['rejects', SECRET, (socket) => socket.on('own', () => Promise.reject(new Error(SECRET)))],
    ['does not answer', 'acknowledgement was not called', (socket) => socket.on('own', () => {})],
  ])('[L4] [M1] a socket.on() listener that %s is answered internal', async (_how, cause, behaviour) => {
    const logger = new CollectingLogger();
    const gateway = await startWith(behaviour, logger);
    const client = await gateway.connect();
    const answer = await client.request('own', 'anything');
    expect(answer).toMatchObject({ ok: false, error: { code: 'internal' } });
    expect(JSON.stringify(answer)).not.toContain(SECRET);
    expect(logger.lines.filter(({ message }) => message.includes(cause))).toHaveLength(1);
    expect(await counted(gateway, 'failures_total', { place: 'handler' })).toBe(1);
    expect(await client.request('handled', 1)).toEqual({ handled: 1 });
  });

  it('socket.onAny() hears every event, also those of handlers; its failures are contained', async () => {
    const heard: unknown[] = [];
    const gateway = await startWith((socket) => {
      socket.onAny((event: string, ...args: unknown[]) => heard.push([event, args[0]]));
      socket.onAny(() => {
        throw new Error(SECRET);
      });
    });
    const client = await gateway.connect();
    expect(await client.request('handled', 1)).toEqual({ handled: 1 });
    await client.request('unheard of', 2);
    expect(heard).toEqual([
      ['handled', 1],
      ['unheard of', 2],
    ]);
    expect(await counted(gateway, 'failures_total', { place: 'handler' })).toBe(2);
  });

  it('[T1] socket.onAny() hears once each what a client sent right before it left', async () => {
    const heard: unknown[] = [];
    let left = (): void => undefined;
    const gone = new Promise<void>((resolve) => (left = resolve));
    const gateway = await startWith((socket) => {
      socket.onAny((event: string, request: { event?: string }) => heard.push([event, request.event]));
      socket.on('disconnect', left);
    });
    const client = await RawWebSocket.connect(gateway.url);
    client.send('42["room:join",{"room":"a"}]');
    for (const event of ['one', 'two', 'three']) {
      client.send(`42["room:emit",${JSON.stringify({ room: 'a', event, args: [] })}]`);
    }
    client.send('41');
    await gone;
    expect(heard).toEqual([
      ['room:join', undefined],
      ['room:emit', 'one'],
      ['room:emit', 'two'],
      ['room:emit', 'three'],
    ]);
    client.close();
  });

  it('[L4] a listener of onAnyOutgoing() that fails keeps nothing from anybody', async () => {
    const logger = new CollectingLogger();
    const gateway = await startWith((socket) => {
      if (identityOf(socket).user === 'ann') socket.onAnyOutgoing(() => Promise.reject(new Error(SECRET)));
      if (identityOf(socket).user === 'ann') {
        socket.onAnyOutgoing(() => {
          throw new Error(SECRET);
        });
      }
    }, logger);
    const clients = [
      await gateway.connect({ auth: { user: 'ann' } }),
      await gateway.connect({ auth: { user: 'ben' } }),
    ];
    expect(await gateway.broadcaster.toAll().emit('news', 1)).toMatchObject({ matched: 2 });
    for (const client of clients) expect(await client.next('news')).toEqual([1]);
    expect(await counted(gateway, 'failures_total', { place: 'handler' })).toBe(2);
    expect(logger.lines.filter(({ message }) => message.includes(SECRET))).toHaveLength(2);
  });

  it('[L4] a listener of the adapter that fails keeps nobody from joining and leaving', async () => {
    const fail = (): never => {
      throw new Error(SECRET);
    };
    const gateway = await startWith((socket) => {
      for (const event of ['create-room', 'join-room', 'leave-room', 'delete-room'] as const) {
        socket.nsp.adapter.prependOnceListener(event, fail);
      }
    });
    const client = await gateway.connect({ auth: { user: 'ann' } });
    expect(await client.request('room:join', { room: 'x' })).toMatchObject({ ok: true });
    expect(await client.request('room:leave', { room: 'x' })).toMatchObject({ ok: true });
    expect(await counted(gateway, 'failures_total', { place: 'handler' })).toBe(4);
    expect(await gateway.registry.getRoom('x')).toMatchObject({ sockets: 0 });
  });

  describe('listeners for the end of a socket', () => {
    const fail = (): never => {
      throw new Error(SECRET);
    };
    const reject = (): Promise<never> => Promise.reject(new Error(SECRET));
    const failingAtBothEnds: Behaviour = (socket) => {
      socket.prependListener('disconnecting', fail);
      socket.on('disconnect', fail);
    };

    it.each<[how: string, failures: number, behaviour: Behaviour]>([
      ['on(disconnect) that throws', 1, (socket) => socket.on('disconnect', fail)],
      ['once(disconnecting) that throws', 1, (socket) => socket.once('disconnecting', fail)],
      ['prependListener(disconnect) that throws', 1, (socket) => socket.prependListener('disconnect', fail)],
      ['both that throw', 2, failingAtBothEnds],
      ['on(disconnect) that rejects', 1, (socket) => socket.on('disconnect', reject)],
      ['once(disconnecting) that rejects', 1, (socket) => socket.once('disconnecting', reject)],
      [
        'those that were taken off again',
        0,
        (socket) => {
          socket.on('disconnect', fail).off('disconnect', fail);
          socket.once('disconnecting', fail).off('disconnecting', fail);
        },
      ],
    ])(
      '[L4] [L6] %s: each failure is logged once and counted, and the socket ends as any other',
      async (_how, failures, behaviour) => {
        const logger = new CollectingLogger();
        const heard: string[] = [];
        const gateway = await startWith((socket) => {
          if (identityOf(socket).user === 'calm') return;
          behaviour(socket);
          socket.on('disconnecting', () => heard.push(`from ${socket.rooms.size} rooms`));
          socket.on('disconnect', (reason: string) => heard.push(reason));
        }, logger);
        const other = await gateway.connect({ auth: { user: 'calm' } });
        const client = await gateway.connect({ auth: { user: 'ann' } });
        const gone = once(bus, 'gone');
        client.close();
        expect(await gone).toEqual(['ann', 'client namespace disconnect']);
        expect(await other.request('handled', 1)).toEqual({ handled: 1 });
        expect(heard).toEqual(['from 1 rooms', 'client namespace disconnect']);
        expect(logger.find('a user disconnected', { user: 'ann' })).toHaveLength(1);
        expect((await gateway.registry.getUser('ann')).online).toBe(false);
        expect(logger.lines.filter(({ message }) => message.includes(SECRET))).toHaveLength(failures);
        expect(await counted(gateway, 'failures_total', { place: 'disconnect_hook' })).toBe(failures);
        expect(await counted(gateway, 'failures_total')).toBe(failures);
      },
    );

    it('[L4] [L7] that throw do not fail a backend that ends the socket', async () => {
      const gateway = await startWith(failingAtBothEnds);
      const clients = [
        await gateway.connect({ auth: { user: 'ann' } }),
        await gateway.connect({ auth: { user: 'ann' } }),
      ];
      for (const query of ['?reconnect=true', '']) {
        const path = `/v1/sockets/${clients.pop()!.id}${query}`;
        expect(await gateway.http('DELETE', path)).toMatchObject({ status: 204 });
      }
      expect((await gateway.registry.getUser('ann')).online).toBe(false);
    });

    it('[L4] [H4] that throw do not keep a client from taking over its own connection', async () => {
      const gateway = await startWith(failingAtBothEnds);
      const auth = { user: 'ann', recovery: true };
      let client = await gateway.connect({ auth });
      const { id } = client;
      for (let times = 0; times < 2; times++) {
        client = await gateway.connect({ auth: { ...auth, ...sessionOf(client) } });
        expect(client.id).toBe(id);
      }
      expect((await gateway.registry.getUser('ann')).sockets).toHaveLength(1);
      expect(await client.request('handled', 1)).toEqual({ handled: 1 });
    });

    it('[L4] [Q5] one for the error of a malformed packet that throws ends that connection only', async () => {
      const logger = new CollectingLogger();
      const gateway = await startWith((socket) => socket.on('error', fail), logger);
      const other = await gateway.connect({ auth: { user: 'calm' } });
      const raw = await RawWebSocket.connect(gateway.url, { user: 'vandal' });
      raw.send('49');
      await raw.closed;
      await logger.until('a user disconnected', { user: 'vandal' });
      expect(await other.request('handled', 1)).toEqual({ handled: 1 });
      expect(logger.lines.filter(({ message }) => message.includes(SECRET))).toHaveLength(1);
      expect(await counted(gateway, 'failures_total', { place: 'handler' })).toBe(1);
    });
  });

  it('[L5] socket.use() added late in an async handleConnection still sees the first event', async () => {
    const gateway = await startWith(async (socket) => {
      await once(socket.conn, 'packet');
      socket.use((_event, next) => next(new Error('closed')));
    });
    const client = gateway.open();
    const answer = client.request('handled', 1);
    await client.next('connect');
    expect(await answer).toMatchObject({ error: { code: 'access.denied', message: 'closed' } });
  });

  describe('socket.use()', () => {
    const blocking = (middleware: Parameters<GatewaySocket['use']>[0]) => (socket: GatewaySocket) => {
      socket.use((event, next) => (event[1] === 'blocked' ? middleware(event, next) : next()));
      socket.on('error', (error: Error) => bus.emit('told', error.message));
    };

    it.each<[string, Parameters<GatewaySocket['use']>[0], object]>([
      ['next(error)', (_event, next) => next(new Error('no')), { code: 'access.denied', message: 'no' }],
      [
        'a throw',
        () => {
          throw new Error(SECRET);
        },
        { code: 'internal' },
      ],
      ['a rejection', async () => Promise.reject(new Error(SECRET)), { code: 'internal' }],
      ['silence', () => {}, { code: 'internal' }],
    ])('[M1] stops an event by %s, and the client is told', async (how, middleware, expected) => {
      const gateway = await startWith(blocking(middleware));
      const told = how === 'silence' ? undefined : once(bus, 'told');
      const client = await gateway.connect();
      const blocked = client.request('handled', 'blocked');
      expect(await client.request('handled', 'next')).toEqual({ handled: 'next' });
      const answer = await blocked;
      expect(answer).toMatchObject({ ok: false, error: expected });
      expect(JSON.stringify(answer)).not.toContain(SECRET);
      await told;
    });

    it('tells a client that wants no acknowledgement by exception', async () => {
      const gateway = await startWith(blocking((_event, next) => next(new Error('no'))));
      const client = await gateway.connect();
      client.emit('handled', 'blocked');
      expect(await client.next('exception')).toEqual([expect.objectContaining({ code: 'access.denied' })]);
    });

    it('may change an event, answer it, and take its time without breaking the order', async () => {
      const gateway = await startWith((socket) => {
        socket.use(async (event, next) => {
          if (event[1] === 'later') await new Promise(setImmediate);
          if (event[1] === 'answer me') (event.at(-1) as (text: string) => void)('answered');
          else next();
        });
        socket.use((event, next) => {
          event[1] = `${String(event[1])}!`;
          next();
        });
      });
      const client = await gateway.connect();
      const order: unknown[] = [];
      const ask = async (value: string): Promise<void> => {
        order.push(await client.request('handled', value));
      };
      await Promise.all([ask('later'), ask('now'), ask('answer me')]);
      expect(order).toEqual([{ handled: 'later!' }, { handled: 'now!' }, 'answered']);
    });
  });
});
