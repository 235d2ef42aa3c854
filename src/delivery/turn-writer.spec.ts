/**
 * Modules of its own: the writer keeps the methods of the first connection that it sees, and those here are fakes.
 *
 * @jest-environment node
 */
import { Writable } from 'node:stream';
import { isReady, TurnWriter } from './turn-writer.js';

const OPEN = 1;
const CLOSING = 2;

class FakeTcpSocket extends Writable {
  constructor(private readonly log: string[]) {
    super();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    this.log.push(String(chunk));
    done();
  }

  override _writev(chunks: { chunk: Buffer }[], done: () => void): void {
    this.log.push(chunks.map(({ chunk }) => String(chunk)).join(''));
    done();
  }
}

/** As much of an Engine.IO connection as the writer looks at. All connections share their methods, as real ones do. */
class FakeConnection {
  readonly log: string[] = [];
  readyState = 'open';
  protocol = 4;
  writeBuffer: unknown[] = [];
  readonly socket = {
    readyState: OPEN,
    _socket: new FakeTcpSocket(this.log) as FakeTcpSocket | undefined,
    _sender: { _state: 0 } as { _state?: number } | undefined,
  };
  readonly transport = {
    name: 'websocket',
    writable: true,
    perMessageDeflate: null as unknown,
    socket: this.socket,
  };

  flush(): void {
    this.log.push('flush');
  }

  closeTransport(discard?: boolean): void {
    this.log.push(discard ? 'discard' : 'close');
  }
}

const bytes = (text: string): Buffer => Buffer.from(text);
const turnIsOver = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('the writer of one turn', () => {
  let writer: TurnWriter;
  let connection: FakeConnection;

  beforeEach(() => {
    writer = new TurnWriter();
    connection = new FakeConnection();
  });

  const collect = (...texts: string[]): boolean[] =>
    texts.map((text) => writer.collect(connection, bytes(text)));

  it('[D8] sends the frames of a turn in one write, in order', async () => {
    expect(collect('a', 'b', 'c')).toEqual([true, true, true]);
    expect(connection.log).toEqual([]);
    await turnIsOver();
    expect(connection.log).toEqual(['abc']);
  });

  it('[D8] starts anew with the next turn', async () => {
    collect('a');
    await turnIsOver();
    collect('b');
    await turnIsOver();
    expect(connection.log).toEqual(['a', 'b']);
  });

  it('[D8] serves several connections, each with what it got', async () => {
    const other = new FakeConnection();
    const [a, b, c] = [bytes('a'), bytes('b'), bytes('c')];
    for (const frame of [a, b]) writer.collect(connection, frame);
    for (const frame of [a, c]) writer.collect(other, frame);
    await turnIsOver();
    expect([connection.log, other.log]).toEqual([['ab'], ['ac']]);
  });

  it('[D4] sends what it collected before anything that Engine.IO sends itself', async () => {
    collect('a', 'b');
    connection.flush();
    collect('c');
    await turnIsOver();
    expect(connection.log).toEqual(['ab', 'flush', 'c']);
  });

  it('[L7] sends what it collected before the connection is closed', async () => {
    collect('a');
    connection.closeTransport();
    await turnIsOver();
    expect(connection.log).toEqual(['a', 'close']);
  });

  it('[Q3] drops what it collected when unsent data is discarded', async () => {
    collect('a');
    connection.closeTransport(true);
    connection.socket.readyState = CLOSING;
    await turnIsOver();
    expect(connection.log).toEqual(['discard']);
  });

  it.each<[string, (it: FakeConnection) => void]>([
    ['the WebSocket is closing', ({ socket }) => (socket.readyState = CLOSING)],
    ['the TCP socket has been destroyed', ({ socket }) => socket._socket!.destroy()],
    ['the TCP socket has gone', ({ socket }) => (socket._socket = undefined)],
  ])('[L4] writes nothing when %s by the end of the turn', async (_, happen) => {
    collect('a');
    happen(connection);
    await turnIsOver();
    expect(connection.log).toEqual([]);
  });

  it('[Q3] does not let much pile up within a turn', async () => {
    const large = 'x'.repeat(100_000);
    collect(large, large);
    expect(connection.log).toEqual([]);
    collect(large);
    expect(connection.log).toEqual([large + large + large]);
    collect('rest');
    await turnIsOver();
    expect(connection.log).toEqual([large + large + large, 'rest']);
  });

  it.each<[string, (it: FakeConnection) => void]>([
    ['packets wait in the write buffer', (it) => it.writeBuffer.push({})],
    [
      'the transport is busy, and what it sent has not left',
      ({ transport, socket }) => {
        transport.writable = false;
        socket._socket!.cork();
        socket._socket!.write('x');
      },
    ],
    ['the connection is closing', (it) => (it.readyState = 'closing')],
    ['the WebSocket is closing', ({ socket }) => (socket.readyState = CLOSING)],
    ['the sender compresses', ({ socket }) => (socket._sender!._state = 1)],
  ])('[D4] goes the plain way while %s', async (_, happen) => {
    collect('a');
    await turnIsOver();
    happen(connection);
    expect(collect('b')).toEqual([false]);
    await turnIsOver();
    expect(connection.log).toEqual(['a']);
  });

  it('[D4] goes on collecting after what it has begun, although the transport became busy', async () => {
    collect('a');
    connection.transport.writable = false;
    expect(collect('b')).toEqual([true]);
    await turnIsOver();
    expect(connection.log).toEqual(['ab']);
  });

  it('[D8] collects although the transport is busy, where all that it sent has left', async () => {
    connection.transport.writable = false;
    expect(collect('a', 'b')).toEqual([true, true]);
    await turnIsOver();
    expect(connection.log).toEqual(['ab']);
  });

  it('[D8] takes the frames of a connection from its upgrade on', async () => {
    connection.transport.name = 'polling';
    expect(collect('a')).toEqual([false]);
    connection.transport.name = 'websocket';
    expect(collect('b')).toEqual([true]);
    await turnIsOver();
    expect(connection.log).toEqual(['b']);
  });

  it.each<[string, (it: FakeConnection) => void]>([
    ['of a 2.x client', (it) => (it.protocol = 3)],
    ['that compresses', ({ transport }) => (transport.perMessageDeflate = {})],
    ['whose sender this file does not know', ({ socket }) => (socket._sender = undefined)],
    ['whose sender has another state', ({ socket }) => (socket._sender = {})],
    ['without a TCP socket', ({ socket }) => (socket._socket = undefined)],
    ['without flush', (it) => Object.assign(it, { flush: undefined })],
    ['without closeTransport', (it) => Object.assign(it, { closeTransport: undefined })],
  ])('[D4] leaves a connection %s alone', async (_, change) => {
    change(connection);
    const { flush, closeTransport } = connection;
    expect(collect('a', 'b')).toEqual([false, false]);
    await turnIsOver();
    expect(connection.log).toEqual([]);
    expect([connection.flush, connection.closeTransport]).toEqual([flush, closeTransport]);
  });
});

describe('a connection', () => {
  it('[D5] is ready when its transport is, and nothing waits below it', () => {
    const connection = new FakeConnection();
    expect(isReady(connection)).toBe(true);
    connection.transport.writable = false;
    expect(isReady(connection)).toBe(false);
    connection.transport.writable = true;
    connection.socket._socket!.cork();
    connection.socket._socket!.write('a');
    expect(isReady(connection)).toBe(false);
    connection.socket._socket!.uncork();
    expect(isReady(connection)).toBe(true);
  });
});
