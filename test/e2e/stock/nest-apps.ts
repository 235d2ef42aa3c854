/** Small apps, each with one thing that an app does around its gateways, for both worlds. */
import type { INestApplication, ModuleMetadata } from '@nestjs/common';
import { APP_GUARD, APP_INTERCEPTOR, APP_PIPE } from '@nestjs/core';
import { Transport } from '@nestjs/microservices';
import {
  WithMiddleware,
  OnNamespace,
  AsyncHooks,
  WithLifecycle,
  AskedFor,
  Shout,
  Boxed,
  Plain,
  Inherited,
  OfRequest,
  PerMessage,
  Messages,
  ServerOnly,
  Announcer,
  Asks,
  Unfenced,
} from './nest-app-classes.js';
import { diary, Observer, type NestWorld } from './nest-worlds.js';

/** An app, and what its clients do. */
export interface NestApp {
  readonly title: string;
  readonly metadata: ModuleMetadata;
  /** Before it listens. */
  prepare?(app: INestApplication): Promise<unknown> | void;
  /** The row of "Differences from stock Socket.IO and Nest" in docs/protocol.md that says why ours is another. */
  readonly differs?: string;
  run(stage: NestStage): Promise<void>;
}

/** A world of one app, whose clients are noted by name. */
export class NestStage {
  readonly lines: string[] = [];

  constructor(readonly world: NestWorld) {}

  async join(name: string, options: Parameters<NestWorld['open']>[0] = {}): Promise<Observer> {
    const observer = await Observer.connect((given) => this.world.open(given), options);
    const { lines } = observer;
    this.ends.push(() => this.lines.push(...lines.map((line) => `${name} ${line}`)));
    return observer;
  }

  /** What a client is told that is not let in. */
  async refused(name: string, options: Parameters<NestWorld['open']>[0] = {}): Promise<void> {
    const client = this.world.open(options);
    const [error] = await client.next('connect_error');
    this.lines.push(`${name} refused ${(error as Error).message}`);
  }

  readonly ends: (() => void)[] = [];
}

/** Waits until the app has written something down. */
async function written(line: string): Promise<void> {
  while (!diary.some((each) => each.startsWith(line))) await new Promise((resolve) => setImmediate(resolve));
}

const withGlobals = (app: INestApplication): void => {
  app.useGlobalGuards(new AskedFor());
  app.useGlobalPipes(new Shout());
  app.useGlobalInterceptors(new Boxed());
};

const saying = async (stage: NestStage): Promise<void> => {
  const ann = await stage.join('ann');
  ann.ask('say', 'hello');
  await ann.settled();
  ann.ask('part', { text: 'part' });
  await ann.settled();
};

export const APPS: readonly NestApp[] = [
  {
    title: 'middleware in afterInit: lets in, refuses, and puts who it is into socket.data',
    metadata: { providers: [WithMiddleware] },
    async run(stage) {
      const ann = await stage.join('ann', { auth: { login: 'ann' } });
      ann.ask('who');
      await ann.settled();
      await stage.refused('bob', { auth: {} });
      await stage.join('cid', { namespace: '/by-hand' }).then(({ client }) => client.next('by hand'));
    },
  },
  {
    title: 'a namespace: afterInit has it, its middleware joins rooms, handleConnection sees them',
    metadata: { providers: [OnNamespace] },
    async run(stage) {
      const ann = await stage.join('ann', { namespace: '/rooms' });
      await ann.client.next('in');
      await stage.join('bob', { namespace: '/rooms' });
      await ann.client.next('in');
      await ann.settled();
    },
  },
  {
    title: 'hooks that are asynchronous',
    metadata: { providers: [AsyncHooks] },
    async run(stage) {
      const ann = await stage.join('ann');
      await ann.client.next('hello');
      ann.client.close();
      await written('gone');
    },
  },
  {
    title: 'hooks of the app from start to app.close() without a client',
    metadata: { providers: [WithLifecycle] },
    run: (stage) => stage.world.stop(),
  },
  {
    title: 'hooks of the app from start to app.close(), with a client that is connected',
    differs: 'S26',
    metadata: { providers: [WithLifecycle] },
    async run(stage) {
      const ann = await stage.join('ann');
      await ann.settled();
      const ended = ann.client.next('disconnect');
      await stage.world.stop();
      await ended;
      await written('handleDisconnect');
    },
  },
  {
    title: 'guards, pipes and interceptors that are set globally',
    metadata: { providers: [Plain] },
    prepare: withGlobals,
    run: saying,
  },
  {
    title: 'guards, pipes and interceptors of APP_GUARD, APP_PIPE, APP_INTERCEPTOR',
    metadata: {
      providers: [
        Plain,
        { provide: APP_GUARD, useClass: AskedFor },
        { provide: APP_PIPE, useClass: Shout },
        { provide: APP_INTERCEPTOR, useClass: Boxed },
      ],
    },
    run: saying,
  },
  {
    title: 'a hybrid app: a microservice beside the gateways',
    metadata: { providers: [Plain], controllers: [Messages] },
    async prepare(app) {
      app.connectMicroservice({ transport: Transport.TCP, options: { host: '127.0.0.1', port: 0 } });
      await app.startAllMicroservices();
    },
    run: saying,
  },
  {
    title: 'a hybrid app that inherits what is set globally',
    metadata: { providers: [Plain], controllers: [Messages] },
    async prepare(app) {
      withGlobals(app);
      const options = { transport: Transport.TCP, options: { host: '127.0.0.1', port: 0 } } as const;
      app.connectMicroservice(options, { inheritAppConfig: true });
      await app.startAllMicroservices();
    },
    run: saying,
  },
  {
    title: 'handlers of a class that is extended',
    metadata: { providers: [Inherited] },
    async run(stage) {
      const ann = await stage.join('ann');
      ann.ask('own');
      await ann.settled();
      ann.ask('part', { text: 'part' });
      await ann.settled();
    },
  },
  {
    title: 'a handler that is overridden without its decorator',
    metadata: { providers: [Inherited] },
    differs: 'S24',
    async run(stage) {
      const ann = await stage.join('ann');
      ann.ask('say', 'nobody takes it');
      await ann.settled();
    },
  },
  {
    title: 'providers that are made per message',
    metadata: { providers: [PerMessage, OfRequest] },
    async run(stage) {
      const ann = await stage.join('ann');
      for (let each = 0; each < 3; each++) ann.ask('count');
      await ann.settled();
    },
  },
  {
    title: 'several gateways on one port, and a provider that emits through the server of one',
    metadata: { providers: [ServerOnly, Announcer, Asks, Unfenced] },
    async run(stage) {
      const ann = await stage.join('ann');
      const bob = await stage.join('bob');
      ann.ask('announce');
      await ann.settled();
      bob.ask('other');
      await bob.settled();
    },
  },
];
