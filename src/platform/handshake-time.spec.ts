import type { Socket } from 'socket.io';
import { connectRawPair } from '../../test/support/raw-pair.js';
import { shareHandshakeTimes } from './handshake-time.js';

describe('the time of a handshake', () => {
  it('is written out once a second by this Socket.IO, and everything else is as it was', async () => {
    expect(shareHandshakeTimes()).toBe(true);
    const pair = await connectRawPair();
    const { handshake, request } = pair.socket;
    const { time, issued, ...rest } = handshake;
    expect(time).toBe(String(new Date(issued)));
    expect(rest).toEqual({
      headers: request.headers,
      address: request.socket.remoteAddress,
      xdomain: false,
      secure: false,
      url: request.url,
      query: expect.objectContaining({ EIO: '4' }),
      auth: {},
    });
    expect(handshake.headers).toBe(request.headers);
    await pair.close();
  });

  it('is left to a Socket.IO that tells more of a handshake', () => {
    const buildHandshake = (auth: object): Socket['handshake'] =>
      ({ headers: {}, time: '', issued: Date.now(), auth, more: true }) as unknown as Socket['handshake'];
    const other = { buildHandshake };
    expect(shareHandshakeTimes(other)).toBe(false);
    expect(other.buildHandshake).toBe(buildHandshake);
    expect(shareHandshakeTimes({})).toBe(false);
  });
});
