import {
  ConnectedSocket,
  MessageBody,
  SubscribeMessage,
  WebSocketGateway,
  type OnGatewayInit,
} from '@nestjs/websockets';
import { instrument } from '@socket.io/admin-ui';
import express from 'express';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import type { Page } from 'playwright-core';
import type { Server } from 'socket.io';
import type { GatewaySocket } from 'switchboard-gateway';
import type { TestGateway } from 'switchboard-gateway/testing';
import { describeWithBrowser, TestBrowser } from '../../support/browser.js';
import { closeEmbeddings, startEmbedding } from '../../support/embedding.js';
import { breakOff, comeBack } from '../../support/recovering.js';

const require = createRequire(import.meta.url);
const PAGE = join(dirname(require.resolve('@socket.io/admin-ui/package.json')), 'ui', 'dist');

const MODES = ['development', 'production'] as const;

const startIn = (mode: (typeof MODES)[number]): Promise<TestGateway> => {
  @WebSocketGateway()
  class Instrumented implements OnGatewayInit<Server> {
    afterInit(server: Server): void {
      instrument(server, { auth: false, mode });
    }

    @SubscribeMessage('put')
    put(@ConnectedSocket() socket: GatewaySocket, @MessageBody() data: object): object {
      Object.assign(socket.data as object, data);
      return { ok: true, data: socket.data as unknown };
    }
  }

  return startEmbedding({
    providers: [Instrumented],
    before: (app) => app.use('/ui', express.static(PAGE)),
  });
};

describeWithBrowser('the admin UI of Socket.IO', () => {
  let browser: TestBrowser;
  beforeAll(async () => {
    browser = await TestBrowser.launch();
  });
  afterAll(() => browser.close());
  afterEach(() => browser.leave());
  afterEach(closeEmbeddings);

  async function connectPage(gateway: TestGateway): Promise<Page> {
    const { page } = await browser.open(`${gateway.url}/ui/`);
    await page.getByLabel('Server URL').fill(gateway.url);
    await page.getByRole('button', { name: 'Connect' }).click();
    await page.getByText('connected', { exact: true }).first().waitFor();
    return page;
  }

  it.each(MODES)(
    '[T1] shows namespaces and their sockets in %s mode, and costs no client anything',
    async (mode) => {
      const gateway = await startIn(mode);
      const client = await gateway.connect({ auth: { user: 'ann', info: null } });
      const page = await connectPage(gateway);
      await page.getByRole('row', { name: '/ 1', exact: true }).waitFor();
      await page.getByRole('row', { name: '/admin 1', exact: true }).waitFor();
      expect(await client.request('socket:info')).toMatchObject({ ok: true, user: 'ann' });
      expect(await gateway.broadcaster.toUsers('ann').emit('hello')).toMatchObject({ matched: 1 });
      expect(await client.next('hello')).toEqual([]);
    },
  );

  it('[T1] lists sockets and rooms in development mode, and ends a socket from its page', async () => {
    const gateway = await startIn('development');
    const client = await gateway.connect({ auth: { user: 'ann' } });
    await client.request('room:join', { room: 'lobby' });
    const page = await connectPage(gateway);
    await page.getByRole('link', { name: 'Rooms' }).click();
    await page.getByText('lobby', { exact: true }).waitFor();
    await page.goto(`${gateway.url}/ui/#/n/%2F/sockets/${client.id}`);
    await page.getByText('lobby', { exact: true }).first().waitFor();
    await page.getByRole('row', { name: 'Status' }).first().getByRole('button').click();
    expect((await client.next('disconnect'))[0]).toMatch(/^io server disconnect$|^transport close$/);
  });

  it('[T1] [H4] a client comes back as it was while its data is watched', async () => {
    const gateway = await startIn('development');
    const client = await gateway.connect({ auth: { user: 'ann', recovery: true } });
    await client.request('put', { game: { score: 3 } });
    await breakOff(gateway, client);
    expect(await comeBack(client)).toBe(true);
    expect((await client.request('put', { turn: 1 }))['data']).toMatchObject({ game: { score: 3 }, turn: 1 });
  });
});
