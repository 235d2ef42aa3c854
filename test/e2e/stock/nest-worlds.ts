/** One Nest app on Nest's own adapter, and the same on the gateway's: what a client sees of each, line by line. */
import { Module, type INestApplication, type ModuleMetadata } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { IoAdapter } from '@nestjs/platform-socket.io';
import { setupSwitchboard, SwitchboardModule } from 'switchboard-gateway';
import { createClient, type ClientOptions, type TestClient } from 'switchboard-gateway/testing';
import type { AddressInfo } from 'node:net';

/** What an app wrote down of itself; one per app, since gateway classes are shared. */
export const diary: string[] = [];

/** Gateway classes need nothing but this one for {@link settled}. */
export const FENCE = 'fence';

/** An app that listens. */
export interface NestWorld {
  open(options: ClientOptions): TestClient;
  /** Closes the app, with the clients that are connected. */
  stop(): Promise<void>;
  close(): Promise<void>;
}

/** Does to an app what has to be done before it listens. */
type Prepare = (app: INestApplication) => Promise<unknown> | void;

export type StartWorld = (metadata: ModuleMetadata, prepare?: Prepare) => Promise<NestWorld>;

const create = async (metadata: ModuleMetadata, ...prepare: (Prepare | undefined)[]): Promise<NestWorld> => {
  @Module(metadata)
  class App {}

  const app = await NestFactory.create(App, { logger: false, abortOnError: false });
  for (const each of prepare) await each?.(app);
  await app.listen(0, '127.0.0.1');
  const { port } = (app.getHttpServer() as { address(): AddressInfo }).address();
  const clients: TestClient[] = [];
  let stopped: Promise<void> | undefined;
  const stop = (): Promise<void> => (stopped ??= app.close());
  return {
    open: (options) => {
      const client = createClient(`http://127.0.0.1:${port}`, options);
      clients.push(client);
      return client;
    },
    stop,
    close: async () => {
      for (const client of clients) client.close();
      await stop();
      for (const client of clients) client.dispose();
    },
  };
};

export const onStock: StartWorld = (metadata, prepare) =>
  create(metadata, (app) => void app.useWebSocketAdapter(new IoAdapter(app)), prepare);

export const onOurs: StartWorld = ({ imports = [], ...metadata }, prepare) =>
  create(
    { ...metadata, imports: [...imports, SwitchboardModule.forRoot({ drainWindowMs: 100 })] },
    (app) => void setupSwitchboard(app),
    prepare,
  );

/** A client of one of the two, and everything that it got, in order. */
export class Observer {
  readonly lines: string[] = [];

  private constructor(readonly client: TestClient) {
    client.socket.onAny!((event: unknown, ...args: unknown[]) => {
      const last = args.at(-1);
      if (typeof last === 'function') (last as (answer: unknown) => void)('client answers');
      this.lines.push(`got ${text([event, ...args.filter((arg) => typeof arg !== 'function')])}`);
    });
    client.socket.on('disconnect', (reason: unknown) => this.lines.push(`disconnect ${text(reason)}`));
  }

  static async connect(
    open: (options: ClientOptions) => TestClient,
    options: ClientOptions,
  ): Promise<Observer> {
    const observer = new Observer(open(options));
    await observer.client.next('connect');
    return observer;
  }

  /** Sends, and notes the answer whenever it comes. */
  ask(event: string, ...args: unknown[]): void {
    this.client.socket.emit(event, ...args, (...answer: unknown[]) =>
      this.lines.push(`answer ${text(answer)}`),
    );
  }

  tell(event: string, ...args: unknown[]): void {
    this.client.emit(event, ...args);
  }

  /** A server that answers some requests never is asked something else, until what was under way has come. */
  async settled(): Promise<void> {
    for (let round = 0; round < 3; round++) await this.client.request(FENCE);
  }
}

const text = (value: unknown): string =>
  JSON.stringify(value, (_, part: unknown) => (part === undefined ? '(undefined)' : part)) ?? '(undefined)';
