import { Redis } from 'ioredis';
import { describeWithRedis, TestRedis } from '../../test/support/redis.js';
import { sendCommand } from './redis-command.js';

describeWithRedis('redis-command: a command that is sent past the object of the library', () => {
  let redis: TestRedis;
  let client: Redis;

  beforeAll(async () => {
    redis = await TestRedis.start();
  });
  afterAll(() => redis.kill());
  beforeEach(async () => {
    client = new Redis(redis.url, { lazyConnect: true, retryStrategy: null, maxRetriesPerRequest: 0 });
    client.on('error', () => undefined);
    await client.connect();
  });
  afterEach(() => client.disconnect());

  const send = (name: string, ...args: (string | number)[]): Promise<unknown> =>
    new Promise((resolve, reject) => {
      if (!sendCommand(client, name, args, resolve, reject)) reject(new Error('not sent'));
    });

  it('is answered in its place among those of the library, in texts', async () => {
    const answers = await Promise.all([
      client.set('key', 'é 1'),
      send('get', 'key'),
      client.get('key'),
      send('eval', 'return {1, {ARGV[1], false}}', 0, '💥\r\n'),
      client.del('key'),
      send('get', 'key'),
    ]);
    expect(answers).toEqual(['OK', 'é 1', 'é 1', [1, ['💥\r\n', null]], 1, null]);
  });

  it('fails with what Redis says', async () => {
    await expect(send('evalsha', 'f'.repeat(40), 0)).rejects.toThrow(/^NOSCRIPT/);
    await expect(send('get')).rejects.toThrow(/wrong number of arguments/);
    expect(await send('ping')).toBe('PONG');
  });

  it('fails when the connection breaks', async () => {
    const waiting = send('blpop', 'nothing', 0);
    const lost = expect(waiting).rejects.toThrow();
    await redis.ask((other) => other.call('CLIENT', 'KILL', 'TYPE', 'normal'));
    await lost;
  });

  it('is not sent over a connection that is not ready, nor over what is none', () => {
    client.disconnect();
    expect(
      sendCommand(
        client,
        'ping',
        [],
        () => undefined,
        () => undefined,
      ),
    ).toBe(false);
    expect(
      sendCommand(
        {},
        'ping',
        [],
        () => undefined,
        () => undefined,
      ),
    ).toBe(false);
  });
});
