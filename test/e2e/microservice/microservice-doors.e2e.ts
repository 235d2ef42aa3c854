import { Transport } from '@nestjs/microservices';
import { connect, type Socket } from 'node:net';
import { once } from 'node:events';
import { connectSwitchboard } from 'switchboard-gateway/microservice';
import { startGateway } from 'switchboard-gateway/testing';
import { closeEmbeddings, createEmbedding, startEmbedding } from '../../support/embedding.js';
import { CollectingLogger } from '../../support/collecting-logger.js';
import { freePort } from '../../support/free-port.js';
import { closeNestClients, nestClient, refusedWith, sent } from '../../support/nest-client.js';
import { ServiceProcess, withPortInUse } from '../../support/service-process.js';

const KEYS = `backend:${'0'.repeat(64)}:emit`;

describe('the door for messages', () => {
  afterEach(async () => {
    await closeNestClients();
    await closeEmbeddings();
  });

  it('[N3] is open without a key on a TCP port of this machine only', async () => {
    const url = `tcp://127.0.0.1:${await freePort()}`;
    const gateway = await startGateway({ microservice: url });
    expect(await sent(await nestClient(url), 'switchboard.stats', {})).toMatchObject({ nodes: 1 });
    await gateway.close();
    for (const elsewhere of [
      'tcp://0.0.0.0:4000',
      'nats://127.0.0.1:4222',
      'redis://127.0.0.1',
      'amqp://127.0.0.1',
    ]) {
      await expect(startGateway({ microservice: elsewhere })).rejects.toThrow(
        /microservice: expected tcp:\/\//,
      );
    }
  });

  it('[N5] answers what is under way before it ends, and takes nothing new meanwhile', async () => {
    const url = `tcp://127.0.0.1:${await freePort()}`;
    const gateway = await startGateway({ microservice: url });
    const client = await gateway.connect();
    let answer: (value: unknown) => void = () => {};
    const asked = new Promise<void>((resolve) =>
      client.socket.on('question', (reply) => {
        answer = reply as typeof answer;
        resolve();
      }),
    );
    const service = await nestClient(url);
    const emit = { to: { all: true }, event: 'question', args: [], ack: { timeoutMs: 60_000 } };
    const waiting = sent(service, 'switchboard.emit', emit);
    await asked;
    const closed = gateway.app.close();
    expect(await refusedWith(service, 'switchboard.stats', {})).toEqual(
      expect.objectContaining({ code: 'server.draining', retryable: true, retryAfterMs: expect.any(Number) }),
    );
    // The client is still connected: it can answer.
    expect(client.queue.pending('server:disconnect')).toBe(0);
    answer('42');
    expect(await waiting).toMatchObject({ responses: [{ args: ['42'] }], missing: [] });
    await client.next('server:disconnect');
    await closed;
    client.close();
    await gateway.close();
  });

  it('[N5] does not take its own end for one of a broker', async () => {
    const logger = new CollectingLogger();
    const gateway = await startGateway({ microservice: `tcp://127.0.0.1:${await freePort()}`, logger });
    await gateway.close();
    expect(logger.find('services may ask by messages')).toHaveLength(1);
    expect(logger.lines.filter(({ message }) => message.startsWith('a broker is'))).toEqual([]);
  });

  it('[N5] cuts a peer off that sends no message of ours, and serves the others', async () => {
    const port = await freePort();
    const url = `tcp://127.0.0.1:${port}`;
    const gateway = await startGateway({ microservice: url });
    const service = await nestClient(url);
    const write = async (text: string): Promise<Socket> => {
      const socket = connect(port, '127.0.0.1');
      socket.on('error', () => undefined);
      await once(socket, 'connect');
      socket.write(text);
      return socket;
    };
    for (const nonsense of [
      'GET / HTTP/1.1\r\n\r\n#',
      `9999999#${'x'.repeat(6_000_000)}`,
      '12#not any json',
    ]) {
      const socket = await write(nonsense);
      if (!socket.destroyed) await once(socket.resume(), 'close');
    }
    // Packets that are JSON, and nothing that Nest sends.
    for (const packet of ['null', '[]', '{"id":"1"}', '{"pattern":{"a":[]},"id":"2"}', '{"pattern":7}']) {
      const socket = await write(`${packet.length}#${packet}`);
      expect(await sent(service, 'switchboard.stats', {})).toMatchObject({ nodes: 1 });
      socket.destroy();
    }
    await gateway.close();
  });

  it('[N1] is opened in an embedding app by connectSwitchboard, for the patterns of the gateway alone', async () => {
    const port = await freePort();
    const gateway = await startEmbedding({
      before: (app) =>
        connectSwitchboard(app, { transport: Transport.TCP, options: { host: '127.0.0.1', port } }),
    });
    const client = await gateway.connect({ auth: { user: 'ada' } });
    const service = await nestClient(`tcp://127.0.0.1:${port}`);
    await sent(service, 'switchboard.emit', { to: { users: ['ada'] }, event: 'hello', args: [{ a: 1 }] });
    expect(await client.next('hello')).toEqual([{ a: 1 }]);
    expect(await refusedWith(service, 'orders.place', {})).toMatchObject({ code: 'route.unknown' });
  });

  it('[N3] connectSwitchboard refuses a broker in open mode', async () => {
    const app = await createEmbedding({});
    expect(() => connectSwitchboard(app, { transport: Transport.NATS, options: {} })).toThrow(/open mode/);
    await app.close();
  });

  it('[N1] [C2] a bad address or a port in use ends the start with one line and exit code 1', async () => {
    const failed = async (microservice: string): Promise<string[]> => {
      const service = ServiceProcess.run([], {
        PORT: '0',
        SWITCHBOARD_MICROSERVICE: microservice,
        SWITCHBOARD_API_KEYS: KEYS,
      });
      expect(await service.ended).toEqual({ code: 1, signal: null });
      return service.stderr;
    };
    expect(await failed('tcp://127.0.0.1')).toEqual([
      expect.stringMatching(/^SWITCHBOARD_MICROSERVICE: expected entry 1 to be tcp:\/\/host:port, /),
    ]);
    await withPortInUse(async (port) => {
      expect(await failed(`tcp://127.0.0.1:${port}`)).toEqual([
        expect.stringMatching(/SWITCHBOARD_MICROSERVICE: tcp:.*EADDRINUSE/),
      ]);
    });
    for (const scheme of ['nats', 'redis', 'amqp']) {
      const url = `${scheme}://ada:secret@127.0.0.1:${await freePort()}`;
      const lines = await failed(url);
      expect([scheme, lines]).toEqual([
        scheme,
        [expect.stringContaining(`SWITCHBOARD_MICROSERVICE: ${scheme}://127.0.0.1`)],
      ]);
      expect(lines[0]).not.toContain('secret');
    }
  });
});
