import { startGateway, type TestClient, type TestGateway } from 'switchboard-gateway/testing';
import type { Actor } from '../../../src/access/actor.js';
import type { Call } from '../../../src/backend/call.js';
import { CommandRunner } from '../../../src/backend/command-runner.js';
import { COMMANDS, type CommandName } from '../../../src/backend/commands.js';
import { API_KEY_SCOPES, type ApiKeyScope } from '../../../src/config/credentials.js';

/** What every door stands on: one runner that takes a command by its name, an input as it came, and an actor. */
describe('commands of a backend', () => {
  let gateway: TestGateway;
  let commands: CommandRunner;
  let ada: TestClient;

  beforeAll(async () => {
    gateway = await startGateway({
      history: 'lobby=10/1h',
      webhooks: 'shop=http://127.0.0.1:9/',
      webhookSecrets: `shop:whsec_${Buffer.alloc(24).toString('base64')}`,
      webhookEvents: 'shop=node.lost',
    });
    commands = gateway.app.get(CommandRunner, { strict: false });
    ada = await gateway.connect({ auth: { user: 'ada' } });
  });
  afterAll(() => gateway?.close());

  const callOf = (actor: Actor, more: Partial<Call> = {}): Call => ({
    actor,
    method: 'TEST',
    route: 'test',
    ...more,
  });
  const open = callOf({ kind: 'open' });
  const keyWith = (...scopes: ApiKeyScope[]): Actor => ({
    kind: 'key',
    name: 'shop',
    scopes: new Set(scopes),
  });
  const codeOf = (asked: Promise<object>): Promise<unknown> =>
    asked.then(
      () => 'answered',
      (failure: { code?: string }) => failure.code ?? failure,
    );

  /** An input that every command takes, and the same over HTTP where it only reads. */
  const INPUTS: Record<CommandName, readonly [input: () => object, path?: () => string]> = {
    emit: [() => ({ to: { users: ['ada'] }, event: 'news', data: 1 })],
    batch: [() => ({ commands: [] })],
    sockets: [() => ({ user: 'ada', limit: 10 }), () => '/v1/sockets?user=ada&limit=10'],
    socket: [() => ({ socketId: ada.id }), () => `/v1/sockets/${ada.id}`],
    users: [() => ({ limit: 1 }), () => '/v1/users?limit=1'],
    user: [() => ({ user: 'ada' }), () => '/v1/users/ada'],
    rooms: [() => ({ prefix: 'l' }), () => '/v1/rooms?prefix=l'],
    room: [() => ({ room: 'lobby' }), () => '/v1/rooms/lobby'],
    members: [() => ({ room: 'lobby', limit: 5 }), () => '/v1/rooms/lobby/members?limit=5'],
    history: [
      () => ({ room: 'lobby', since: 'none:0', limit: 5 }),
      () => '/v1/rooms/lobby/history?since=none:0&limit=5',
    ],
    nodes: [() => ({})],
    stats: [() => ({}), () => '/v1/stats'],
    explain: [() => ({ user: 'nobody' })],
    top: [() => ({ by: 'bytes', of: 'key' })],
    join: [() => ({ room: 'lobby', user: 'ada' })],
    leave: [() => ({ room: 'hall', socketId: ada.id })],
    disconnect: [() => ({ user: 'nobody', reconnect: true })],
    blocks: [() => ({ limit: 2 }), () => '/v1/blocks?limit=2'],
    block: [() => ({ user: 'nobody' })],
    unblock: [() => ({ user: 'nobody' })],
    revoke: [() => ({ jti: 'of-nobody' })],
    dropHistory: [() => ({ room: 'lobby' })],
    webhooks: [() => ({})],
    webhookAttempts: [() => ({ name: 'shop', user: 'ada' })],
    testWebhook: [() => ({ name: 'shop' })],
    replayWebhook: [() => ({ name: 'shop', since: '2026-01-31T12:00:00+01:00' })],
  };
  const NAMES = Object.keys(COMMANDS) as CommandName[];

  it.each(NAMES)('[A4] %s is run for an actor with its scope and for no other', async (name) => {
    const { scope } = COMMANDS[name];
    const input = INPUTS[name][0]();
    const others = API_KEY_SCOPES.filter((each) => each !== scope);
    expect(await codeOf(commands.ask(name, input, callOf(keyWith(...others))))).toBe(
      scope === undefined ? 'answered' : 'access.denied',
    );
    for (const actor of [keyWith(...(scope ? [scope] : [])), { kind: 'handler', name: 'order:*' } as const]) {
      expect(await codeOf(commands.ask(name, input, callOf(actor)))).toBe('answered');
    }
  });

  it.each(NAMES.filter((name) => INPUTS[name][1]))('[N1] %s answers what HTTP answers', async (name) => {
    const [input, path] = INPUTS[name];
    const { body } = await gateway.http('GET', path!());
    expect(JSON.parse(JSON.stringify(await commands.ask(name, input(), open)))).toEqual(body);
  });

  it.each(NAMES)('[N1] %s refuses a field that it does not know', async (name) => {
    const input = { ...INPUTS[name][0](), surplus: 1 };
    expect(await codeOf(commands.ask(name, input, open))).toBe('payload.invalid');
  });

  it('[N1] a command that there is none of is route.unknown, also by the name of what every object has', async () => {
    for (const name of ['shout', 'constructor', '__proto__', '']) {
      expect(await codeOf(commands.ask(name, {}, open))).toBe('route.unknown');
    }
  });

  it('[A4] in a batch each command needs its own scope', async () => {
    const batch = {
      commands: [
        { emit: { to: { users: ['ada'] }, event: 'of-a-batch' } },
        { leave: { room: 'lobby', user: 'ada' } },
      ],
    };
    const answer = await commands.ask('batch', batch, callOf(keyWith('emit')));
    expect(answer).toMatchObject({
      results: [{ ok: true }, { ok: false, error: { code: 'access.denied' } }],
    });
    expect(await ada.next('of-a-batch')).toEqual([]);
  });

  it('[D7] a repeated key takes effect once, whatever door it comes by, and is another one for another actor', async () => {
    const input = { to: { users: ['ada'] }, event: 'once', data: [1, { $base64: 'AQID' }] };
    const replays: string[] = [];
    const keyed = (actor: Actor, name: string): Call =>
      callOf(actor, { idempotencyKey: 'k', onReplay: () => replays.push(name) });
    const first = await commands.ask('emit', input, keyed({ kind: 'open' }, 'first'));
    const again = await commands.ask('emit', structuredClone(input), keyed({ kind: 'open' }, 'again'));
    const overHttp = await gateway.http('POST', '/v1/emit', input, { 'idempotency-key': 'k' });
    expect([again, overHttp.body]).toEqual([first, first]);
    expect(overHttp.headers.get('idempotency-replayed')).toBe('true');
    const other = await commands.ask('emit', input, keyed({ kind: 'handler', name: 'x' }, 'other'));
    expect(other).not.toEqual(first);
    expect(replays).toEqual(['again']);
    await ada.settled();
    expect(ada.queue.pending('once')).toBe(2);
  });
});
