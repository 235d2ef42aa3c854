import { startGateway } from 'switchboard-gateway/testing';
import { Namespaces } from '../../../src/sockets/namespaces.js';
import { byEngine } from '../../support/engine-under-test.js';
import { RawPolling } from '../../support/raw-clients.js';
import { sendRaw } from '../../support/raw-http.js';

describe('health', () => {
  it('[O1] a gateway that runs is alive and ready', async () => {
    const gateway = await startGateway();
    const live = await gateway.http('GET', '/health/live');
    expect([live.status, live.body]).toMatchObject([200, { status: 'ok' }]);
    const ready = await gateway.http('GET', '/health/ready');
    expect(ready.status).toBe(200);
    const engine = byEngine({ memory: 'memory', redis: 'redis' });
    expect(ready.body).toMatchObject({
      status: 'ok',
      info: { gateway: { status: 'up' }, engine: { status: 'up', kind: engine, state: 'ready' } },
    });
    await gateway.close();
  });

  it('[O1] [O2] while draining it is alive and not ready, says why, and takes no new sockets', async () => {
    const gateway = await startGateway();
    const client = await gateway.connect();
    // A client that does not fetch its goodbye keeps the drain waiting for a while.
    const slow = await RawPolling.connect(gateway.url);
    const closed = gateway.app.close();
    expect((await client.next('server:disconnect'))[0]).toMatchObject({
      code: 'server.draining',
      retryable: true,
      retryAfterMs: expect.any(Number),
    });

    const ready = await gateway.http('GET', '/health/ready');
    expect(ready.status).toBe(503);
    expect(ready.body).toMatchObject({
      status: 'error',
      error: { gateway: { status: 'down', state: 'draining' } },
    });
    expect((await gateway.http('GET', '/health/live')).status).toBe(200);
    // Refused before the handshake of a socket, so that stock clients try again by themselves.
    const late = gateway.open();
    await late.next('connect_error');
    const handshake = await sendRaw(gateway.url, { path: '/socket.io/?EIO=4&transport=polling' });
    expect(handshake.status).toBe(403);
    expect(handshake.text).toContain('server.draining');
    late.close();

    const [goodbye] = await slow.packets();
    expect(JSON.parse(goodbye!.slice(2))).toMatchObject(['server:disconnect', { code: 'server.draining' }]);
    // It does not ask for the end of its connection either; the gateway does not wait the 30 s of Engine.IO for that.
    await closed;
    await expect(fetch(`${gateway.url}/health/live`)).rejects.toThrow('fetch failed');
  });

  it('[O2] [L7] whoever had been let in when the drain began is told to come back too', async () => {
    const gateway = await startGateway();
    const client = await gateway.connect();
    // Keeps the drain waiting for a while.
    await RawPolling.connect(gateway.url);
    const [root] = gateway.app.get(Namespaces).all;
    const letIn = new Promise<() => void>((resolve) =>
      root!.nsp.use((_: unknown, next: () => void) => resolve(() => next())),
    );
    const late = gateway.open();
    const enter = await letIn;
    const closed = gateway.app.close();
    await client.next('server:disconnect');
    enter();
    await late.next('connect');
    expect((await late.next('server:disconnect'))[0]).toMatchObject({ code: 'server.draining' });
    expect((await late.next('disconnect'))[0]).toMatch(/^transport (close|error)$/);
    late.close();
    await closed;
  });
});
