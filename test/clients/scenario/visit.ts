/** One client by one transport: its program, its user and room, and what a check asks of it and of the gateway. */
import { setTimeout as pause } from 'node:timers/promises';
import { everythingIn, sign } from '../../support/tokens.js';
import { ClientProcess, type Connecting, type Transport } from '../driver.js';
import type { Client } from '../languages.js';
import type { Nodes } from '../nodes.js';
import { expectThat } from './expect-that.js';

/** How long a client that polls may take to be back at its poll, and how often it gets something to come back from. */
export const POLL_MS = 1_000;

/** Each look is a request that takes CPU from what is measured. */
const LOOK_MS = 50;

export interface Position {
  readonly epoch: string;
  readonly offset: number;
}

/** A socket as `GET /v1/users/{user}` tells it. */
interface SocketEntry {
  readonly socketId: string;
  readonly transport: string;
}

export class Visit {
  readonly user: string;
  readonly room: string;
  /** Up to here it has seen its room. */
  position: Position | undefined;
  /** How many events its program had told of when it was kicked. */
  seen = 0;
  /** How long it may take over each thing that is waited for. */
  patienceMs = 0;
  private running: ClientProcess | undefined;
  private tag = 0;

  constructor(
    private readonly client: Client,
    readonly transport: Transport,
    readonly nodes: Nodes,
  ) {
    this.user = `${client.name}-${transport}`;
    this.room = `chat:${this.user}`;
  }

  get process(): ClientProcess {
    if (this.running === undefined) throw new Error(`${this.user} is not connected`);
    return this.running;
  }

  /** What its program wrote to its standard error. */
  get complaint(): string {
    return this.running?.complaint ?? '';
  }

  /** By a program that is started for it. */
  async connect(): Promise<void> {
    await this.end();
    // A session by polling outlives its process, and would be taken for the next one.
    await this.nodes.ask('DELETE', `/v1/users/${this.user}/sockets`);
    this.running = ClientProcess.start(this.client.program);
    this.process.connect({ ...this.to, auth: { token: await this.token() } });
    await this.next('connect');
    await this.isOnTheWire();
  }

  async end(): Promise<void> {
    await this.running?.kill();
  }

  get to(): Pick<Connecting, 'url' | 'transport'> {
    return { url: this.nodes.url, transport: this.transport };
  }

  token(user = this.user): Promise<string> {
    return sign({ sub: user, caps: [everythingIn('*')] });
  }

  /** By itself: a new socket of its user, by the transport that was asked for. */
  async comesBack(): Promise<void> {
    await this.next('connect');
    await this.isOnTheWire();
  }

  /** Those of a node that was killed are there until its lease has ended. */
  async socketId(): Promise<string> {
    await this.until(async () => (await this.sockets()).length === 1);
    return (await this.sockets())[0]!.socketId;
  }

  /** Another program of the same client, for as long as it is used. */
  async beside(how: Connecting, use: (process: ClientProcess) => Promise<void>): Promise<void> {
    const process = ClientProcess.start(this.client.program);
    try {
      process.connect(how);
      await use(process);
    } finally {
      await process.kill();
    }
  }

  async join(): Promise<void> {
    const answer = await this.request('room:join', { room: this.room, meta: true });
    expectThat(answer.ok === true && answer.room === this.room, answer);
    this.position = { epoch: answer.epoch as string, offset: answer.offset as number };
  }

  async request(event: string, body: object): Promise<Record<string, unknown>> {
    const { events } = this.process;
    const ask = (): void => this.process.request(event, body);
    while (events.pending('answer') > 0) await events.next('answer');
    ask();
    // python-socketio gives up a connection that is not ready within 1 s, though it told of it: on the next it asks anew.
    const answer = await this.nudging(this.next('answer'), async () => {
      if (events.pending('connect') === 0) return;
      await events.next('connect');
      ask();
    });
    return answer[0] as Record<string, unknown>;
  }

  /** What is to be measured is not whether it sends at once, so while it has not, something arrives. */
  async nudging<T>(told: Promise<T>, also?: () => Promise<void>): Promise<T> {
    let isTold = false;
    const noted = told.finally(() => (isTold = true));
    noted.catch(() => undefined);
    for (;;) {
      await Promise.race([noted, pause(POLL_MS)]);
      if (isTold) return noted;
      await also?.();
      if (this.transport === 'polling') await this.emit({ users: [this.user] }, 'nudge', []);
    }
  }

  /** As a backend. */
  async emit(to: object, event: string, args: readonly unknown[]): Promise<void> {
    await this.nodes.ask('POST', '/v1/emit', { to, event, args });
  }

  /** To its room, for whoever is in it. */
  publish(tag: string): Promise<void> {
    return this.emit({ rooms: [this.room] }, 'news', [tag]);
  }

  next(event: string): Promise<unknown[]> {
    return this.process.events.next(event, this.patienceMs);
  }

  /** The news with this tag; what others were sent comes too. */
  async news(tag: string): Promise<unknown[]> {
    for (;;) {
      const args = await this.next('news');
      if (args[0] === tag) return args;
    }
  }

  newTag(): string {
    this.tag += 1;
    return `${this.user} ${this.tag}`;
  }

  /** The registry says that it is there, by the transport that was asked for. */
  private async isOnTheWire(): Promise<void> {
    const transport = this.transport === 'polling' ? 'polling' : 'websocket';
    await this.until(async () => (await this.sockets()).some((socket) => socket.transport === transport));
  }

  private async sockets(): Promise<readonly SocketEntry[]> {
    const path = `/v1/users/${this.user}`;
    return (await this.nodes.ask<{ sockets: readonly SocketEntry[] }>('GET', path)).sockets;
  }

  private async until(isSo: () => Promise<boolean>): Promise<void> {
    const deadline = Date.now() + this.patienceMs;
    while (!(await isSo())) {
      if (Date.now() > deadline) throw new Error('not in the registry as it should be');
      await pause(LOOK_MS);
    }
  }
}
