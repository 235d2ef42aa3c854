/** What a socket loses while it is on its way in, behind a check of the app's that takes its time. [A7] */
import { WebSocketGateway } from '@nestjs/websockets';
import { EventEmitter, once } from 'node:events';
import type { Server } from 'socket.io';
import type { TestClient, TestGateway } from 'switchboard-gateway/testing';
import { RevocationService } from '../../../src/access/revocation.service.js';
import { closeEmbeddings, startEmbedding } from '../../support/embedding.js';
import { breakOff, comeBack, received, sessionOf } from '../../support/recovering.js';
import { everythingIn, inSeconds, SECRET, sign } from '../../support/tokens.js';
import { until } from '../../support/until.js';

const gate = Object.assign(new EventEmitter(), { isShut: false });

@WebSocketGateway()
class SlowCheck {
  afterInit(server: Server): void {
    server.use((_, next) => {
      if (!gate.isShut) return next();
      void once(gate, 'open').then(() => next());
      gate.emit('reached');
    });
  }
}

let gateway: TestGateway;

beforeEach(async () => {
  gate.isShut = false;
  gateway = await startEmbedding({ options: { jwtSecret: SECRET }, providers: [SlowCheck] });
});
afterEach(closeEmbeddings);

/** Lets the check go on once something has happened. */
async function meanwhile(happens: () => Promise<void>): Promise<void> {
  await happens();
  gate.isShut = false;
  gate.emit('open');
}

function shutGate(): Promise<unknown> {
  gate.isShut = true;
  return once(gate, 'reached');
}

describe('a socket on its way in', () => {
  const endings: readonly [ending: string, expSeconds: number | undefined, code: string][] = [
    ['is revoked', undefined, 'auth.revoked'],
    ['ends', -4, 'auth.token_expired'],
  ];

  it.each(endings)('[A7] is ended at once when its token %s meanwhile', async (_, expSeconds, code) => {
    const exp = expSeconds === undefined ? {} : { exp: inSeconds(expSeconds) };
    const token = await sign({ sub: 'ada', jti: 'late', caps: [everythingIn('*')], ...exp });
    const reached = shutGate();
    const client = gateway.open({ auth: { token } });
    // Sent before anything else, so that the gateway has it as soon as the socket is in.
    client.socket.on('connect', () => client.emit('room:join', { room: 'secret' }));
    const joined: string[] = [];
    const listening = gateway.registry.changes.subscribe((change) => {
      if (change.type === 'room.joined') joined.push(change.room);
    });
    await reached;
    await meanwhile(async () => {
      if (expSeconds === undefined) await gateway.app.get(RevocationService).revoke({ jti: 'late' });
      // Its leeway of 5 s ends too.
      else await until('the token has ended', () => inSeconds(-5.1) > exp.exp!);
    });
    expect(await client.next('server:disconnect')).toMatchObject([{ code }]);
    expect(joined).toEqual([]);
    listening.unsubscribe();
  });

  const CAPS = [everythingIn('*')];

  async function brokenOff(claims: object): Promise<TestClient> {
    const token = await sign({ sub: 'ada', jti: 'first', caps: CAPS, ...claims });
    const client = await gateway.connect({ auth: { token, recovery: true } });
    await client.request('room:join', { room: 'secret' });
    await gateway.broadcaster.toRooms('secret').emit('n', 1);
    await received(gateway, client, 'n');
    await breakOff(gateway, client);
    await gateway.broadcaster.toRooms('secret').emit('n', 2);
    return client;
  }

  it('[A7] does not get the session of a token that was revoked meanwhile', async () => {
    const client = await brokenOff({});
    const { pid, offset } = sessionOf(client);
    const reached = shutGate();
    const next = gateway.open({
      auth: { token: await sign({ sub: 'ada', jti: 'second', caps: CAPS }), recovery: true, pid, offset },
    });
    await reached;
    await meanwhile(() => gateway.app.get(RevocationService).revoke({ jti: 'first' }));
    await next.next('connect');
    await next.next('disconnect');
    expect(next.queue.log.filter(({ event }) => event === 'n')).toEqual([]);
    // The stock client comes back with what it knows of the session, which is over.
    expect(await comeBack(next)).toBe(false);
    expect(await received(gateway, next, 'n')).toEqual([]);
    expect(await next.request('socket:info')).toMatchObject({ rooms: [] });
  });

  it('[A7] gets back no room that its new token does not allow', async () => {
    const client = await brokenOff({});
    const stock = client.socket as unknown as { auth: object };
    stock.auth = { token: await sign({ sub: 'ada', jti: 'narrow' }), recovery: true };
    await comeBack(client);
    expect(await received(gateway, client, 'n')).toEqual([1]);
    expect(await client.request('socket:info')).toMatchObject({ rooms: [] });
  });
});
