import { BadRequestException } from '@nestjs/common';
import {
  MessageBody,
  SubscribeMessage,
  WebSocketGateway,
  WsException,
  type OnGatewayInit,
} from '@nestjs/websockets';
import type { Server } from 'socket.io';
import type { TestGateway } from 'switchboard-gateway/testing';
import { CollectingLogger } from '../../support/collecting-logger.js';
import { closeEmbeddings, startEmbedding } from '../../support/embedding.js';
import { refusalOf } from '../../support/tokens.js';

const circle = (): object => {
  const self: Record<string, unknown> = {};
  self['self'] = self;
  return self;
};

const THROWN: Readonly<Record<string, () => Error>> = {
  'own error': () => new WsException({ error: 'NOT_YOUR_TURN', details: [{ player: 7 }, 'wait'] }),
  'own code': () => new WsException({ code: 'NOT_YOUR_TURN', message: 'wait', retryable: true, turn: 3 }),
  'code of the registry': () =>
    new WsException({ code: 'limit.rate', message: 'slow down', retryAfterMs: 5 }),
  list: () => new WsException([{ property: 'n', constraints: { isInt: 'n must be an integer' } }, 'more']),
  'list of messages': () => new WsException({ message: ['n must be an integer', 'm is required'] }),
  'validation of Nest': () => new BadRequestException(['n must be an integer', 'm is required']),
  'body of its own': () => new BadRequestException({ message: 'wrong', fields: { n: 'not an integer' } }),
  circle: () => new WsException({ message: 'round', ...circle() }),
};

@WebSocketGateway()
class Thrower implements OnGatewayInit<Server> {
  afterInit(server: Server): void {
    server.use((socket, next) => {
      const { auth, query } = socket.handshake;
      const { refuse } = { ...query, ...auth } as { refuse?: string };
      if (refuse === undefined) next();
      else next(Object.assign(new Error('not today'), { data: REFUSALS[refuse]!() }));
    });
  }

  handleConnection(socket: { handshake: { auth: { throws?: string } } }): void {
    const { throws } = socket.handshake.auth;
    if (throws !== undefined) throw THROWN[throws]!();
  }

  @SubscribeMessage('throw')
  throw(@MessageBody() what: string): never {
    throw THROWN[what]!();
  }
}

const DENIED = { code: 'access.denied', message: 'not today', retryable: false };
const REFUSALS: Readonly<Record<string, () => unknown>> = {
  text: () => 'come back tomorrow',
  number: () => 42,
  zero: () => 0,
  list: () => ['a', { b: 1 }],
  object: () => ({ reason: 'full' }),
  'object with a code': () => ({ code: 'ROOM_FULL', seats: 0 }),
  nothing: () => undefined,
  circle,
};

describe('what an app throws', () => {
  let gateway: TestGateway;
  const logger = new CollectingLogger();

  beforeEach(async () => {
    gateway = await startEmbedding({ logger, providers: [Thrower] });
  });
  afterEach(closeEmbeddings);

  const REQUEST_REFUSED = {
    code: 'request.refused',
    message: 'the app refused the request',
    retryable: false,
  };
  it.each<[string, object]>([
    ['own error', { ...REQUEST_REFUSED, error: 'NOT_YOUR_TURN', details: [{ player: 7 }, 'wait'] }],
    ['own code', { code: 'NOT_YOUR_TURN', message: 'wait', retryable: true, turn: 3 }],
    ['code of the registry', { code: 'limit.rate', message: 'slow down', retryable: true, retryAfterMs: 5 }],
    [
      'list',
      {
        ...REQUEST_REFUSED,
        details: [{ property: 'n', constraints: { isInt: 'n must be an integer' } }, 'more'],
      },
    ],
    ['list of messages', { ...REQUEST_REFUSED, message: ['n must be an integer', 'm is required'] }],
    [
      'validation of Nest',
      {
        code: 'payload.invalid',
        message: 'n must be an integer; m is required',
        retryable: false,
        details: ['n must be an integer', 'm is required'],
      },
    ],
    [
      'body of its own',
      { code: 'payload.invalid', message: 'wrong', retryable: false, fields: { n: 'not an integer' } },
    ],
    ['circle', { code: 'request.refused', message: 'round', retryable: false }],
  ])('[T1] [M1] reaches the client with its content: %s', async (what, error) => {
    const client = await gateway.connect();
    expect(await client.request('throw', what)).toEqual({ ok: false, error });
    client.emit('throw', what);
    expect(await client.next('exception')).toEqual([error]);
  });

  it('[T1] [L7] reaches a client that a connection hook ends with it', async () => {
    const client = gateway.open({ auth: { throws: 'own error' } });
    expect(await client.next('server:disconnect')).toEqual([
      { ...REQUEST_REFUSED, error: 'NOT_YOUR_TURN', details: [{ player: 7 }, 'wait'] },
    ]);
  });

  describe('to refuse a client', () => {
    it.each<[string, unknown]>([
      ['text', 'come back tomorrow'],
      ['number', 42],
      ['zero', 0],
      ['list', ['a', { b: 1 }]],
      ['object', { ...DENIED, reason: 'full' }],
      ['object with a code', { ...DENIED, code: 'ROOM_FULL', seats: 0 }],
      ['nothing', DENIED],
      ['circle', DENIED],
    ])('[T1] [L2] arrives as data of connect_error: %s', async (refuse, data) => {
      const client = gateway.open({ auth: { refuse } });
      const [error] = (await client.next('connect_error')) as [Error & { data: unknown }];
      expect(error.message).toBe('not today');
      expect(error.data).toEqual(data);
    });

    it('[T1] [L2] arrives as `error` at a 2.x client', async () => {
      const client = gateway.open({ version: 2, auth: { refuse: 'object' } });
      expect(await refusalOf(client)).toEqual({ ...DENIED, reason: 'full' });
    });
  });
});
