/**
 * What this gateway uses of Socket.IO beyond its documentation.
 *
 * When an upgrade breaks one of these, the failing line names what is gone and the file that relies on it.
 */
import { once } from 'node:events';
import { PacketType } from 'socket.io-parser';
import { connectRawPair, type RawPair } from '../../test/support/raw-pair.js';
import { hasEventEntry } from './listeners-of-io.js';
import { missingInternals } from './requirements.js';

describe('what is used of Socket.IO', () => {
  let pair: RawPair;
  beforeEach(async () => {
    pair = await connectRawPair();
  });
  afterEach(() => pair.close());

  /** A look at private state, by name. */
  const inside = (object: object): Record<string, unknown> => object as unknown as Record<string, unknown>;

  it('requirements: lacks nothing', () => {
    expect(missingInternals(pair.server)).toEqual([]);
  });

  /** Of a server without these; it gets them back, since it cannot close without. */
  function missingWithout(object: object, ...names: string[]): () => string[] {
    return () => {
      const before = names.map((name) => [name, inside(object)[name]]);
      Object.assign(object, Object.fromEntries(names.map((name) => [name, undefined])));
      try {
        return missingInternals(pair.server);
      } finally {
        Object.assign(object, Object.fromEntries(before));
      }
    };
  }

  it('requirements: says what is missing, and what is done instead', () => {
    expect(missingWithout(pair.server.of('/'), '_remove', '_preConnectSockets')()).toEqual([
      expect.stringContaining('has no Namespace#_remove: '),
      expect.stringContaining('has no Namespace#_preConnectSockets: '),
    ]);
  });

  it('requirements: refuses a version that it cannot do without', () => {
    expect(missingWithout(pair.server.of('/').adapter, 'encoder')).toThrow('has no Adapter#encoder');
  });

  it('inbound-events: has a private entry for events', () => {
    expect(hasEventEntry(pair.socket)).toBe(true);
  });

  it('inbound-events: gives every event, with its number, to a replaced onevent', async () => {
    const packets: unknown[] = [];
    const taken = new Promise<void>((resolve) => {
      inside(pair.socket)['onevent'] = (packet: unknown) => {
        packets.push(packet);
        if (packets.length === 2) resolve();
      };
    });
    pair.client.emit('plain', 1, { two: 2 });
    pair.client.socket.emit('asking', Buffer.from('x'), () => {});
    await taken;
    expect(packets).toMatchObject([
      { data: ['plain', 1, { two: 2 }] },
      { data: ['asking', Buffer.from('x')], id: 0 },
    ]);
    expect(packets[0]).not.toHaveProperty('id', expect.any(Number));
  });

  it('socket-inbox: puts one listener of its own on a socket, of errors', () => {
    expect(pair.socket.listenerCount('error')).toBe(1);
    expect(pair.socket.listenerCount('ping')).toBe(0);
  });

  it('app-listeners: keeps middlewares and catch-all listeners in lists', () => {
    const middleware = (_event: unknown, next: () => void): void => next();
    const listener = (): void => {};
    expect(inside(pair.socket)['fns']).toEqual([]);
    pair.socket.use(middleware);
    pair.socket.onAny(listener);
    expect(inside(pair.socket)['fns']).toEqual([middleware]);
    expect(inside(pair.socket)['_anyListeners']).toEqual([listener]);
  });

  it('app-listeners: tells of the end of a socket through a replaced emitReserved', async () => {
    const told: unknown[] = [];
    const ended = new Promise<void>((resolve) => {
      inside(pair.socket)['emitReserved'] = (event: string, ...args: unknown[]) => {
        told.push([event, args[0]]);
        if (event === 'disconnect') resolve();
      };
    });
    pair.client.close();
    await ended;
    const reason = 'client namespace disconnect';
    expect(told).toEqual([
      ['disconnecting', reason],
      ['disconnect', reason],
    ]);
  });

  it('app-listeners: tells of a connection through a replaced emitReserved of its namespace', async () => {
    const { server, socket } = pair;
    const told: string[] = [];
    const entered = new Promise<void>((resolve) => {
      inside(server.of('/other'))['emitReserved'] = (event: string) => {
        told.push(event);
        if (event === 'connection') resolve();
      };
    });
    (inside(socket.client)['connect'] as (name: string) => void).call(socket.client, '/other');
    await entered;
    expect(told).toEqual(['connect', 'connection']);
  });

  it('reply: writes an acknowledgement that is handed to packet()', async () => {
    const { socket, client } = pair;
    inside(socket)['onevent'] = ({ id }: { id: number }) => {
      (socket as unknown as { packet(packet: object): void }).packet({
        type: PacketType.ACK,
        nsp: '',
        id,
        data: [{ ok: true }],
      });
    };
    expect(await client.request('anything')).toEqual({ ok: true });
  });

  it('fan-out: encodes a packet of text as one text', () => {
    const { adapter } = pair.server.of('/') as unknown as {
      adapter: { encoder: { encode(packet: object): unknown[] } };
    };
    const packets = adapter.encoder.encode({ type: PacketType.EVENT, nsp: '/', data: ['tick', 1] });
    expect(packets).toEqual(['2["tick",1]']);
  });

  it('fan-out: hands a frame that was made before to a WebSocket, as it is', async () => {
    const { socket, client } = pair;
    const { client: connection } = socket as unknown as {
      client: { writeToEngine(packets: unknown[], options: object): void };
    };
    const text = '42["framed",1]';
    const frame = Buffer.from([0x81, text.length, ...Buffer.from(text)]);
    connection.writeToEngine(['2["not framed",1]'], {
      preEncoded: true,
      compress: false,
      wsPreEncodedFrame: [frame],
    });
    expect(await client.next('framed')).toEqual([1]);
  });

  it('fan-out: writes encoded packets, and finds the acknowledgement of one by its number', async () => {
    const { server, socket, client } = pair;
    const { acks, client: connection } = socket as unknown as {
      acks: Map<number, (...args: unknown[]) => void>;
      client: { writeToEngine(packets: unknown[], options: object): void };
    };
    const id = inside(server.of('/'))['_ids'] as number;
    expect(id).toBe(0);
    client.answer('ask', (value) => value);
    const answered = new Promise((resolve) => acks.set(id, resolve));
    connection.writeToEngine([`2${id}["ask","yes"]`], { preEncoded: true, compress: false });
    expect(await answered).toBe('yes');
  });

  it('fan-out: tells listeners of outgoing packets', () => {
    const heard: unknown[] = [];
    pair.socket.onAnyOutgoing((...args: unknown[]) => heard.push(args));
    expect(inside(pair.socket)['_anyOutgoingListeners']).toHaveLength(1);
    (pair.socket as unknown as { notifyOutgoingListeners(packet: object): void }).notifyOutgoingListeners({
      data: ['tick', 1],
    });
    expect(heard).toEqual([['tick', 1]]);
  });

  it('membership, end-socket: keeps sockets per connection, and those in the handshake apart', async () => {
    const { server, socket } = pair;
    expect([...(inside(socket.client)['sockets'] as Map<string, unknown>).keys()]).toEqual([socket.id]);
    const apart: unknown[] = [];
    server.of('/other').use((entering, next) => {
      apart.push((inside(entering.nsp)['_preConnectSockets'] as Map<string, unknown>).has(entering.id));
      next();
    });
    const entered = once(server.of('/other'), 'connection');
    const { client: connection } = socket;
    (inside(connection)['connect'] as (name: string, auth: object) => void).call(connection, '/other', {});
    await entered;
    expect(apart).toEqual([true]);
  });

  it('handshake: sends a packet to a connection through _packet()', async () => {
    const { socket, client } = pair;
    const connection = socket.client as unknown as { _packet(packet: object): void };
    connection._packet({ type: PacketType.DISCONNECT, nsp: '/' });
    expect((await client.next('disconnect'))[0]).toBe('io server disconnect');
  });

  it('gateway-table, adapter: keeps the namespaces of a pattern as its children', () => {
    const parent = pair.server.of(/^\/tenant-\d$/);
    const made: unknown[] = [];
    pair.server.on('new_namespace', (namespace) => {
      made.push((inside(parent)['children'] as Set<unknown>).has(namespace));
    });
    const child = pair.server.of('/tenant-1');
    expect(inside(parent)['children']).toEqual(new Set([child]));
    expect(made).toEqual([true]);
  });
});
