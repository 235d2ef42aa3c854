import { startGateway, type TestGateway } from 'switchboard-gateway/testing';
import { RawWebSocket } from '../../support/raw-clients.js';

const BIG = '12345678901234567890';

describe('numbers that JavaScript cannot hold, in events of clients', () => {
  let gateway: TestGateway;

  beforeAll(async () => {
    gateway = await startGateway();
  });
  afterAll(() => gateway.close());

  const answerTo = async (frame: string, binary?: Buffer): Promise<unknown> => {
    const raw = await RawWebSocket.connect(gateway.url, { user: 'ada' });
    try {
      raw.send('420["room:join",{"room":"r"}]');
      await raw.next('43');
      raw.send(frame);
      if (binary) raw.send(binary);
      const answer = await raw.next('43');
      return (JSON.parse(answer.slice(answer.indexOf('['))) as unknown[])[0];
    } finally {
      raw.close();
    }
  };

  const refusedAt = (path: string): unknown => ({
    ok: false,
    error: expect.objectContaining({
      code: 'payload.invalid',
      errors: [{ path, message: expect.stringContaining('send it as text') }],
    }),
  });

  it('[D11] are refused with their path, and the event is not handled', async () => {
    const listener = await gateway.connect({ auth: { user: 'bob' } });
    await listener.request('room:join', { room: 'r' });
    expect(await answerTo(`421["room:emit",{"room":"r","event":"x","args":[{"id":${BIG}}]}]`)).toEqual(
      refusedAt('args.0.args.0.id'),
    );
    expect(await answerTo('421["room:emit",{"room":"r","event":"x","args":[1e999]}]')).toEqual(
      refusedAt('args.0.args.0'),
    );
    expect(await answerTo('421["room:emit",{"room":"r","event":"exact","args":[9007199254740992]}]')).toEqual(
      {
        ok: true,
        id: expect.any(String),
      },
    );
    expect(await listener.next('exact')).toEqual([9007199254740992]);
    expect(await answerTo(`421["room:emit",{"room":"r","event":"text","args":["${BIG}"]}]`)).toMatchObject({
      ok: true,
    });
    expect(await listener.next('text')).toEqual([BIG]);
    listener.close();
  });

  it('[D11] also beside binary', async () => {
    const frame = `451-1["room:emit",{"room":"r","event":"x","args":[{"_placeholder":true,"num":0},${BIG}]}]`;
    expect(await answerTo(frame, Buffer.from([1]))).toEqual(refusedAt('args.0.args.1'));
  });
});
