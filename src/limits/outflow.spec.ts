import { jest } from '@jest/globals';
import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { until } from '../../test/support/until.js';
import { unsentBytes } from '../platform/engine-connection.js';
import { Outflow } from './outflow.js';

type Handle = { readonly _handle?: { readonly writeQueueSize?: number } };

const connectionOf = (parts: {
  writeBuffer?: { data: string }[];
  bufferedAmount?: number;
  writeQueueSize?: number;
}) => {
  const { writeBuffer = [], bufferedAmount = 0, writeQueueSize = 0 } = parts;
  return {
    writeBuffer,
    transport: { socket: { bufferedAmount, _socket: { _handle: { writeQueueSize } } } },
  };
};

describe('what flows out of a connection that is behind', () => {
  let connection: ReturnType<typeof connectionOf>;
  let outflow: Outflow;

  beforeEach(() => {
    jest.useFakeTimers();
    connection = connectionOf({
      writeBuffer: [{ data: 'x'.repeat(500) }],
      bufferedAmount: 1_000,
      writeQueueSize: 900,
    });
    outflow = new Outflow(connection);
    outflow.stalledForMs();
  });
  afterEach(() => jest.useRealTimers());

  const look = (): number => {
    jest.advanceTimersByTime(1_000);
    return outflow.stalledForMs();
  };

  it('[Q3] is nothing while its client reads nothing, whatever is put on top', () => {
    expect([look(), look()]).toEqual([1_000, 2_000]);
    connection.writeBuffer.push({ data: 'more' });
    connection.transport.socket.bufferedAmount += 100;
    expect(look()).toBe(3_000);
  });

  it('[Q3] shows when less is unsent', () => {
    look();
    connection.transport.socket.bufferedAmount = 999;
    expect([look(), look()]).toEqual([0, 1_000]);
  });

  it('[Q3] shows when a part of one large write has left, and more has come on top', () => {
    look();
    connection.transport.socket._socket._handle.writeQueueSize = 800;
    connection.writeBuffer.push({ data: 'more' });
    expect([look(), look()]).toEqual([0, 1_000]);
  });

  it('[Q3] does not stall when there is nothing to send', () => {
    connection.writeBuffer = [];
    connection.transport.socket.bufferedAmount = 0;
    expect([look(), look()]).toEqual([0, 0]);
  });
});

describe('Node.js', () => {
  // The one private part of it that is used here: without it, whoever reads one large answer slowly looks stalled.
  it('[Q3] says how much of a write the operating system has not taken yet', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const reader = connect((server.address() as AddressInfo).port, '127.0.0.1').pause();
    const [writer] = (await once(server, 'connection')) as [Socket];
    const left = (): number => (writer as unknown as Handle)._handle!.writeQueueSize!;
    const whole = 64_000_000;
    writer.write(Buffer.alloc(whole));
    const atFirst = left();
    expect(atFirst).toBeGreaterThan(0);
    expect(atFirst).toBeLessThan(whole);
    const connection = {
      writeBuffer: [],
      get transport() {
        return { socket: { bufferedAmount: writer.writableLength, _socket: writer as unknown as Handle } };
      },
    };
    reader.on('data', () => {
      if (left() < atFirst && left() > 0) reader.pause();
    });
    reader.resume();
    await until('a part of it is read', () => left() < atFirst);
    expect(left()).toBeGreaterThan(0);
    expect(unsentBytes(connection)).toBe(whole);
    reader.destroy();
    writer.destroy();
    server.close();
    await once(server, 'close');
  });
});
