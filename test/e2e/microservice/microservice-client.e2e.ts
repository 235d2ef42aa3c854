import { Injectable } from '@nestjs/common';
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import {
  Broadcaster,
  RoomHistory,
  SocketControl,
  SocketRegistry,
  SwitchboardError,
} from 'switchboard-gateway';
import * as remote from 'switchboard-gateway/client';
import type { SwitchboardClientOptions } from 'switchboard-gateway/client';
import { startGateway } from 'switchboard-gateway/testing';
import { freePort } from '../../support/free-port.js';
import { optionsFor } from '../../support/nest-client.js';
import { startRemoteService } from '../../support/remote-service.js';
import { until } from '../../support/until.js';

@Injectable()
class Shop {
  constructor(
    readonly broadcaster: Broadcaster,
    readonly registry: SocketRegistry,
  ) {}
}

describe('switchboard-gateway/client', () => {
  it('[N2] gives the classes of the embedded module', () => {
    expect(remote).toMatchObject({
      Broadcaster,
      SocketRegistry,
      SocketControl,
      RoomHistory,
      SwitchboardError,
    });
  });

  it('[N2] depends on no Socket.IO: nothing that it imports does', () => {
    const seen = new Set<string>();
    const packages = new Set<string>();
    const walk = (file: string): void => {
      if (seen.has(file)) return;
      seen.add(file);
      const text = readFileSync(file, 'utf8');
      for (const [, name] of text.matchAll(/(?:from|import)\s*\(?\s*['"]([^'"]+)['"]/g)) {
        if (name!.startsWith('.')) walk(join(dirname(file), name!));
        else packages.add(name!);
      }
    };
    walk(join(process.cwd(), 'dist/microservice/client/index.js'));
    expect([...packages].filter((name) => !name.startsWith('node:')).toSorted()).toEqual([
      '@nestjs/common',
      '@nestjs/microservices',
      'rxjs',
    ]);
  });

  it('[N2] [N4] fails with gateway.unavailable where no gateway is, and works when there is one', async () => {
    const port = await freePort();
    const url = `tcp://127.0.0.1:${port}`;
    const { provided: shop, close } = await startRemoteService(
      Shop,
      optionsFor(url) as SwitchboardClientOptions,
    );
    const asked = (): Promise<unknown> => shop.registry.getStats().catch((error: unknown) => error);
    const away = expect.objectContaining({ code: 'gateway.unavailable', retryable: true });
    expect(await asked()).toEqual(away);
    const gateway = await startGateway({ microservice: url });
    await until('it is answered', async () => 'nodes' in ((await asked()) as object));
    const client = await gateway.connect();
    const waiting = shop.broadcaster
      .toAll()
      .emitWithAck('never answered', { timeoutMs: 60_000 })
      .catch((error: unknown) => error);
    await client.next('never answered');
    client.close();
    await gateway.close();
    expect(await waiting).toMatchObject({ missing: [{ socketId: expect.any(String) }] });
    expect(await asked()).toEqual(away);
    await close();
  });
});
