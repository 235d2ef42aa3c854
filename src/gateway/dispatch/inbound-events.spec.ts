import type { Socket } from 'socket.io';
import { connectRawPair, type RawPair } from '../../../test/support/raw-pair.js';
import { hasEventEntry } from '../../platform/listeners-of-io.js';
import { OPEN_GRANT } from '../../sockets/grant.js';
import { SwitchboardError } from '../../protocol/errors.js';
import { gatewaySlots, setSocketState, type GatewaySocket, type Inbox } from '../../sockets/socket-state.js';
import { listenPerEvent, takeEvents } from './inbound-events.js';
import { Reply, type Acknowledgement } from './reply.js';

/** Answers what it knows, and notes everything. */
class AnsweringInbox implements Inbox {
  readonly received: unknown[][] = [];

  constructor(private readonly socket: GatewaySocket) {}

  charge(): void {
    // Reads cost nothing here.
  }

  open(): void {}

  finish(): undefined {
    return undefined;
  }

  receive(event: readonly unknown[], acknowledgement: Acknowledgement): void {
    this.received.push([...event]);
    const reply = new Reply(this.socket, acknowledgement);
    if (event[0] !== 'known') reply.fail(new SwitchboardError('event.unknown'));
    else reply.send({ ok: true, args: event.slice(1) });
    reply.send('a second answer');
  }
}

function withInbox(socket: Socket): { socket: GatewaySocket; inbox: AnsweringInbox } {
  const gatewaySocket = socket as GatewaySocket;
  const inbox = new AnsweringInbox(gatewaySocket);
  const identity = { user: 'ann', info: null, grant: OPEN_GRANT };
  gatewaySlots(setSocketState(gatewaySocket, identity, '127.0.0.1', '')).inbox = inbox;
  return { socket: gatewaySocket, inbox };
}

/** Takes events as if this Socket.IO had no private entry; its own dispatcher goes on. */
function takeWithoutPrivateEntry(socket: GatewaySocket): void {
  Object.defineProperty(socket, 'run', { value: undefined, configurable: true });
  expect(hasEventEntry(socket)).toBe(false);
  takeEvents(socket, ['known']);
  delete (socket as unknown as { run: unknown }).run;
}

describe.each([
  ['the private entry', (socket: GatewaySocket) => takeEvents(socket, ['known'])],
  ['a listener per event', (socket: GatewaySocket) => listenPerEvent(socket, ['known'])],
])('events taken by %s', (_name, take) => {
  let pair: RawPair;
  let inbox: AnsweringInbox;

  beforeEach(async () => {
    pair = await connectRawPair((socket) => {
      const prepared = withInbox(socket);
      inbox = prepared.inbox;
      take(prepared.socket);
    });
  });
  afterEach(() => pair.close());

  it('[M1] are answered once, with all their arguments', async () => {
    expect(await pair.client.request('known', 1, 'two')).toEqual({ ok: true, args: [1, 'two'] });
    expect(inbox.received).toEqual([['known', 1, 'two']]);
  });

  it('[M1] are answered by acknowledgement or exception when nobody takes them', async () => {
    expect(await pair.client.request('unknown')).toMatchObject({ error: { code: 'event.unknown' } });
    pair.client.emit('unknown');
    expect(await pair.client.next('exception')).toEqual([expect.objectContaining({ code: 'event.unknown' })]);
  });
});

describe('events of a Socket.IO without the private entry', () => {
  it('[M1] are taken by a listener per event, after the middlewares of the app', async () => {
    const inboxes: AnsweringInbox[] = [];
    const pair = await connectRawPair((socket) => {
      const prepared = withInbox(socket);
      inboxes.push(prepared.inbox);
      takeWithoutPrivateEntry(prepared.socket);
      socket.use((event, next) => (event[1] === 'blocked' ? undefined : next()));
      socket.on('own', (acknowledge: (text: string) => void) => acknowledge('mine'));
    });
    pair.client.emit('known', 'blocked');
    expect(await pair.client.request('known', 'passed')).toEqual({ ok: true, args: ['passed'] });
    expect(await pair.client.request('own')).toBe('mine');
    expect(inboxes[0]!.received).toEqual([['known', 'passed']]);
    await pair.close();
  });
});
