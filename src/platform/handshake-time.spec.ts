import { Socket } from 'socket.io';
import { connectRawPair } from '../../test/support/raw-pair.js';
import { shareHandshakeTimes } from './handshake-time.js';

describe('the time of a handshake', () => {
  const inside = Socket.prototype as unknown as { buildHandshake: (auth: object) => Socket['handshake'] };
  const stock = inside.buildHandshake;
  afterEach(() => (inside.buildHandshake = stock));

  it('is written out as this Socket.IO does, and everything else is as it was', async () => {
    expect(shareHandshakeTimes()).toBe(true);
    expect(inside.buildHandshake).not.toBe(stock);
    const pair = await connectRawPair();
    const { handshake } = pair.socket;
    const { time, issued, ...rest } = handshake;
    expect(time).toBe(String(new Date(issued)));
    const { time: _, issued: __, ...asBefore } = stock.call(pair.socket, handshake.auth);
    expect(rest).toEqual(asBefore);
    expect(handshake.headers).toBe(pair.socket.request.headers);
    await pair.close();
  });

  it('is left to a Socket.IO that tells more of a handshake', () => {
    const other = function (this: Socket, auth: object): Socket['handshake'] {
      return { ...stock.call(this, auth), more: true } as Socket['handshake'];
    };
    inside.buildHandshake = other;
    expect(shareHandshakeTimes()).toBe(false);
    expect(inside.buildHandshake).toBe(other);
  });
});
