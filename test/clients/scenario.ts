/** The one scenario that every client goes through, and what it measures. [L12] */
import { setTimeout as pause } from 'node:timers/promises';
import { everythingIn, sign } from '../support/tokens.js';
import { ClientProcess, type Connecting, type Transport } from './driver.js';
import { ENDINGS, HARMLESS, isShare, type Feature, type Outcomes } from './features.js';
import type { Client } from './languages.js';
import type { Nodes } from './nodes.js';

const BASE64 = Buffer.from([0, 1, 127, 128, 254, 255]).toString('base64');
const BYTES = { $base64: BASE64 };
const BIG = 'x'.repeat(2_000_000);
const BURST = 200;

/** How long what is known to work may take on a busy machine, and how long is waited for what is known not to. */
const PATIENCE_MS = { yes: 40_000, no: 3_000 };

/** Less than a ping interval: a ping is something that arrives. */
const AT_ONCE_MS = { yes: 20_000, no: 3_000 };

/** How long a client that polls may take to be back at its poll, and how often it gets something to come back from. */
const POLL_MS = 1_000;

export interface Tries {
  /** How often what is known to come out now one way and now the other is measured. */
  readonly unsteady: number;
  /** Whether what is known to come out well, and did not, is measured a second time. */
  readonly again: boolean;
}

interface Position {
  readonly epoch: string;
  readonly offset: number;
}

/** One client by one transport, from its connect to its end. */
export class Visit {
  readonly outcomes: Outcomes = {};
  /** Why it is no, for whoever measures anew. */
  readonly reasons: Partial<Record<Feature, string>> = {};
  readonly user: string;
  private readonly room: string;
  private process: ClientProcess | undefined;
  private position: Position | undefined;
  private patienceMs = PATIENCE_MS.yes;
  private tag = 0;

  constructor(
    private readonly client: Client,
    private readonly transport: Transport,
    private readonly nodes: Nodes,
    private readonly expected: Outcomes,
    private readonly tries: Tries,
  ) {
    this.user = `${client.name}-${transport}`;
    this.room = `chat:${this.user}`;
  }

  /** All that needs no node to end. */
  async tour(): Promise<void> {
    await this.measure('connects', () => this.connect());
    if (this.outcomes.connects === 'no') return;
    await this.measure('knowsItsId', () => this.tellsItsId());
    // That is how it has connected: as its user.
    await this.measure('tokenInAuth', async () => void (await this.socketId()));
    await this.measure('tokenInHeader', () =>
      this.isLetIn((token) => ({ headers: { authorization: `Bearer ${token}` } })),
    );
    await this.measure('tokenInQuery', () => this.isLetIn((token) => ({ query: { token } })));
    await this.measure('refusal', () => this.isRefused());
    await this.measure('joins', () => this.join());
    await this.measure('receives', () => this.receives());
    await this.measure('binaryAlone', () => this.receivesArgs([BYTES]));
    await this.measure('binaryInside', () => this.receivesArgs(['text', { bytes: BYTES }, BYTES, null]));
    await this.measure('binaryOut', () => this.sendsBinary());
    await this.measure('answers', () => this.answers(['text', { n: 1 }]));
    await this.measure('answersBinary', () => this.answers(['text', BYTES], 'decode', ['text', BASE64]));
    await this.measure('binaryAnswer', () => this.getsBinaryInAnAnswer());
    await this.measure('burst', async () => void (await this.takesABurst()));
    await this.measure('inOrder', async () => {
      const seen = await this.takesABurst();
      expectThat(isRising(seen), seen);
    });
    await this.measure('bigIn', () => this.receivesArgs([BIG]));
    await this.measure('bigOut', () => this.sends([BIG]));
    await this.measure('kickedWithReturn', () => this.comesBackWhenKicked());
    await this.measure('resumes', () => this.resumes());
  }

  /**
   * While nothing else is sent to anybody: whether a request gets out beside a poll that waits.
   *
   * A new session has its first ping, which would let it out, only after this.
   */
  async idles(): Promise<void> {
    if (this.transport === 'polling') await this.connect().catch(() => undefined);
    await this.measure('sendsAtOnce', async () => {
      if (this.transport === 'polling') await pause(POLL_MS);
      this.process!.request('socket:info', {});
      await this.process!.events.next(
        'answer',
        AT_ONCE_MS[this.expected.sendsAtOnce === 'no' ? 'no' : 'yes'],
      );
    });
  }

  /** Its node drains, and it comes back to another. */
  async drain(hasBegun: Promise<unknown>): Promise<void> {
    await this.measure('drained', () =>
      this.resumesElsewhere(hasBegun, async () => {
        const [goodbye] = await this.next('server:disconnect');
        expectThat((goodbye as { code: string }).code === 'server.draining', goodbye);
      }),
    );
  }

  /** Its node is killed, and it comes back to another. */
  async loseNode(hasHappened: Promise<unknown>): Promise<void> {
    await this.measure('killed', () => this.resumesElsewhere(hasHappened, () => Promise.resolve()));
  }

  /** Before its node ends. */
  async prepare(): Promise<void> {
    // Without a position it cannot resume, which is then what is measured.
    await this.join().catch(() => undefined);
  }

  async kick(): Promise<void> {
    await this.nodes.ask('DELETE', `/v1/sockets/${await this.socketId()}`);
    const [goodbye] = await this.next('server:disconnect');
    expectThat((goodbye as { code: string }).code === 'kicked', goodbye);
  }

  /** Once a client that comes back has had the time to. */
  async staysAway(): Promise<void> {
    const { online } = await this.nodes.ask<{ online: boolean }>('GET', `/v1/users/${this.user}`);
    expectThat(!online && this.process!.events.pending('connect') === 0, 'it came back');
  }

  async end(): Promise<void> {
    await this.process?.kill();
  }

  /** Records whether it can. */
  async measure(feature: Feature, can: () => Promise<void>): Promise<void> {
    const times = isShare(this.expected[feature]) && !ENDINGS.has(feature) ? this.tries.unsteady : 1;
    let successes = 0;
    for (let n = 0; n < times; n += 1) successes += (await this.isAble(feature, can)) ? 1 : 0;
    const isDue = successes === 0 && this.expected[feature] === 'yes' && !ENDINGS.has(feature);
    // The machine may have been too busy: Redis counts as away when it takes more than a second.
    if (isDue && this.tries.again && (await this.isAble(feature, can))) successes = 1;
    if (times > 1) this.outcomes[feature] = `${successes} of ${times}`;
    else this.outcomes[feature] = successes === 1 ? 'yes' : 'no';
  }

  /** What it did badly does not count against what comes next. */
  private async isAble(feature: Feature, can: () => Promise<void>): Promise<boolean> {
    this.patienceMs = PATIENCE_MS[this.expected[feature] === 'no' ? 'no' : 'yes'];
    try {
      await can();
      return true;
    } catch (reason) {
      this.reasons[feature] = `${(reason as Error).message.slice(0, 300)} ${this.process?.complaint ?? ''}`;
      this.patienceMs = PATIENCE_MS.yes;
      if (!HARMLESS.has(feature)) await this.connect().catch(() => undefined);
      return false;
    }
  }

  private async connect(): Promise<void> {
    await this.process?.kill();
    // A session by polling outlives its process, and would be taken for the next one.
    await this.nodes.ask('DELETE', `/v1/users/${this.user}/sockets`);
    this.process = ClientProcess.start(this.client.program);
    this.process.connect({ ...this.to, auth: { token: await this.token() } });
    await this.next('connect');
    await this.isOnTheWire();
  }

  private get to(): Pick<Connecting, 'url' | 'transport'> {
    return { url: this.nodes.url, transport: this.transport };
  }

  private token(user = this.user): Promise<string> {
    return sign({ sub: user, caps: [everythingIn('*')] });
  }

  /** The registry says that it is there, by the transport that was asked for. */
  private async isOnTheWire(): Promise<void> {
    const transport = this.transport === 'polling' ? 'polling' : 'websocket';
    await this.until(async () => (await this.sockets()).some((socket) => socket.transport === transport));
  }

  private async tellsItsId(): Promise<void> {
    const { args } = this.process!.events.log.findLast(({ event }) => event === 'connect')!;
    expectThat(args[0] === (await this.socketId()), args);
  }

  /** With a token in this place, by a process of its own. */
  private async isLetIn(present: (token: string) => Partial<Connecting>): Promise<void> {
    const token = await this.token(`${this.user}-2`);
    await this.beside({ ...this.to, ...present(token) }, async (process) => {
      await firstOf(process, ['connect'], ['connect_error', 'gave up', 'cannot'], this.patienceMs);
    });
  }

  private async isRefused(): Promise<void> {
    await this.beside({ ...this.to, auth: { token: 'not a token' } }, async (process) => {
      const told = await process.events.next('connect_error', this.patienceMs);
      expectThat(JSON.stringify(told).includes('auth.token_invalid'), told);
    });
  }

  private async join(): Promise<void> {
    const answer = await this.request('room:join', { room: this.room, meta: true });
    expectThat(answer.ok === true && answer.room === this.room, answer);
    this.position = { epoch: answer.epoch as string, offset: answer.offset as number };
  }

  private async receives(): Promise<void> {
    await this.join();
    const targets = [
      { all: true },
      { rooms: [this.room] },
      { users: [this.user] },
      { sockets: [await this.socketId()] },
    ];
    const tags: string[] = [];
    for (const to of targets) {
      tags.push(this.newTag());
      await this.nodes.ask('POST', '/v1/emit', { to, event: 'news', args: [tags.at(-1), { text: 'ä😀' }] });
    }
    for (const tag of tags) expectThat(same((await this.news(tag))[1], { text: 'ä😀' }), tag);
  }

  private async receivesArgs(args: readonly unknown[]): Promise<void> {
    await this.nodes.ask('POST', '/v1/emit', { to: { users: [this.user] }, event: 'given', args });
    const got = await this.next('given');
    expectThat(same(got, args), got);
  }

  private async sends(args: readonly unknown[]): Promise<void> {
    await this.join();
    const { ok } = await this.request('room:emit', { room: this.room, event: 'sent', args, echo: true });
    const got = await this.next('sent');
    expectThat(ok === true && same(got.slice(0, args.length), args), got);
  }

  /** The history says what came from it, also where it could not read that itself. */
  private async sendsBinary(): Promise<void> {
    const args = [{ bytes: BYTES }, BYTES];
    await this.join();
    const { ok } = await this.request('room:emit', { room: this.room, event: 'sent', args });
    const path = `/v1/rooms/${this.room}/history?limit=1`;
    const { publications } = await this.nodes.ask<{ publications: { args: unknown[] }[] }>('GET', path);
    expectThat(ok === true && same(publications[0]?.args, args), publications);
  }

  private async answers(args: readonly unknown[], event = 'mirror', sent = args): Promise<void> {
    const { responses } = await this.nudging(
      this.nodes.ask<{ responses: { args: unknown[] }[] }>('POST', '/v1/emit', {
        to: { users: [this.user] },
        event,
        args: sent,
        ack: { timeoutMs: this.patienceMs },
      }),
    );
    expectThat(same(responses[0]?.args, args), responses);
  }

  private async getsBinaryInAnAnswer(): Promise<void> {
    await this.nodes.ask('POST', '/v1/emit', { to: { rooms: [this.room] }, event: 'kept', args: [1, BYTES] });
    const answer = await this.request('room:history', { room: this.room, limit: 1 });
    expectThat(same((answer.publications as { args: unknown }[])[0]?.args, [1, BYTES]), answer);
  }

  private async takesABurst(): Promise<readonly unknown[]> {
    const to = { users: [this.user] };
    const commands = Array.from({ length: BURST }, (_, n) => ({ emit: { to, event: 'burst', data: n } }));
    await this.nodes.ask('POST', '/v1/batch', { commands });
    const seen: unknown[] = [];
    while (seen.length < BURST) seen.push((await this.next('burst'))[0]);
    return seen;
  }

  private async comesBackWhenKicked(): Promise<void> {
    await this.join();
    await this.nodes.ask('DELETE', `/v1/sockets/${await this.socketId()}?reconnect=true`);
    const [goodbye] = await this.next('server:disconnect');
    expectThat((goodbye as { code: string }).code === 'kicked', goodbye);
    await this.comesBack();
  }

  private async resumes(): Promise<void> {
    await this.join();
    await this.publish('before');
    const [, meta] = await this.news('before');
    this.position = meta as Position;
    await this.nodes.ask('DELETE', `/v1/sockets/${await this.socketId()}?reconnect=true`);
    await this.next('server:disconnect');
    await this.publish('missed 1');
    await this.publish('missed 2');
    await this.comesBack();
    await this.catchesUp(['missed 1', 'missed 2']);
    await this.publish('after');
    await this.news('after');
  }

  /** With Redis the other node knows what was published meanwhile; alone, another process begins anew. */
  private async resumesElsewhere(hasBegun: Promise<unknown>, goodbye: () => Promise<void>): Promise<void> {
    await hasBegun;
    const tag = this.newTag();
    await this.publish(tag);
    await goodbye();
    await this.comesBack();
    if (this.nodes.areShared) await this.catchesUp([tag]);
    else await this.join();
  }

  /** Publishes to its room, for whoever is in it. */
  private async publish(tag: string): Promise<void> {
    await this.nodes.ask('POST', '/v1/emit', { to: { rooms: [this.room] }, event: 'news', args: [tag] });
  }

  private async catchesUp(tags: readonly string[]): Promise<void> {
    const { epoch, offset } = this.position!;
    const answer = await this.request('room:join', { room: this.room, meta: true, since: { epoch, offset } });
    const caught = (answer.publications as { args: unknown[] }[]).map(({ args }) => args[0]);
    expectThat(answer.recovered === true && same(caught, tags), answer);
  }

  /** By itself: a new socket of its user, by the transport that was asked for. */
  private async comesBack(): Promise<void> {
    await this.next('connect');
    await this.isOnTheWire();
  }

  private async request(event: string, body: object): Promise<Record<string, unknown>> {
    const { events } = this.process!;
    const ask = (): void => this.process!.request(event, body);
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
  private async nudging<T>(told: Promise<T>, also?: () => Promise<void>): Promise<T> {
    let isTold = false;
    const noted = told.finally(() => (isTold = true));
    noted.catch(() => undefined);
    for (;;) {
      await Promise.race([noted, pause(POLL_MS)]);
      if (isTold) return noted;
      await also?.();
      if (this.transport === 'polling') {
        await this.nodes.ask('POST', '/v1/emit', { to: { users: [this.user] }, event: 'nudge', args: [] });
      }
    }
  }

  private next(event: string): Promise<unknown[]> {
    return this.process!.events.next(event, this.patienceMs);
  }

  /** The news with this tag; what others were sent comes too. */
  private async news(tag: string): Promise<unknown[]> {
    for (;;) {
      const args = await this.next('news');
      if (args[0] === tag) return args;
    }
  }

  private newTag(): string {
    this.tag += 1;
    return `${this.user} ${this.tag}`;
  }

  private async sockets(): Promise<readonly { socketId: string; transport: string }[]> {
    const path = `/v1/users/${this.user}`;
    return (await this.nodes.ask<{ sockets: { socketId: string; transport: string }[] }>('GET', path))
      .sockets;
  }

  /** Those of a node that was killed are there until its lease has ended. */
  private async socketId(): Promise<string> {
    await this.until(async () => (await this.sockets()).length === 1);
    return (await this.sockets())[0]!.socketId;
  }

  private async beside(how: Connecting, use: (process: ClientProcess) => Promise<void>): Promise<void> {
    const process = ClientProcess.start(this.client.program);
    try {
      process.connect(how);
      await use(process);
    } finally {
      await process.kill();
    }
  }

  private async until(isSo: () => Promise<boolean>): Promise<void> {
    const deadline = Date.now() + this.patienceMs;
    while (!(await isSo())) {
      if (Date.now() > deadline) throw new Error('not in the registry as it should be');
      // Each look is a request that takes CPU from what is measured.
      await pause(50);
    }
  }
}

/** Resolves with the arguments of the first of the events that are wanted, and rejects with the first of the others. */
async function firstOf(
  { events }: ClientProcess,
  wanted: readonly string[],
  unwanted: readonly string[],
  patienceMs: number,
): Promise<unknown[]> {
  const all = [...wanted, ...unwanted].map((event) =>
    events.next(event, patienceMs).then((args) => ({ event, args })),
  );
  for (const each of all) each.catch(() => undefined);
  const { event, args } = await Promise.race(all);
  expectThat(wanted.includes(event), { event, args });
  return args;
}

const isRising = (numbers: readonly unknown[]): boolean =>
  numbers.length > 0 &&
  numbers.every((number, i) => i === 0 || (number as number) > (numbers[i - 1] as number));

const same = (a: unknown, b: unknown): boolean => JSON.stringify(a) === JSON.stringify(b);

function expectThat(isSo: boolean, got: unknown): void {
  if (!isSo) throw new Error(`got ${JSON.stringify(got)}`);
}
