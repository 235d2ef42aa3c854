import { once } from 'node:events';
import { generateKeyPairSync } from 'node:crypto';
import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { exportJWK, type JWK } from 'jose';
import { EventQueue } from 'switchboard-gateway/testing';
import type { Signing } from './tokens.js';

/** An issuer's key set, whose answers a test can hold. */
export class KeyServer {
  private readonly keys: JWK[] = [];
  private readonly queue = new EventQueue();
  private held: ServerResponse[] | undefined;
  private readonly server: Server = createServer((_, response) => {
    this.queue.push('asked', []);
    if (this.held) this.held.push(response);
    else this.answer(response);
  });

  async start(): Promise<void> {
    this.server.listen(0, '127.0.0.1');
    await once(this.server, 'listening');
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}/jwks`;
  }

  /** A key that the gateway has not seen, which the set has from now on. */
  async newKey(): Promise<Signing> {
    const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const kid = `key-${this.keys.length}`;
    this.keys.push({ ...(await exportJWK(publicKey)), kid, alg: 'ES256' });
    return { alg: 'ES256', key: privateKey, kid };
  }

  /** Takes requests and answers them when what it returns is called. */
  holdAnswers(): () => void {
    this.held = [];
    return () => {
      for (const response of this.held ?? []) this.answer(response);
      this.held = undefined;
    };
  }

  async isAsked(): Promise<void> {
    await this.queue.next('asked');
  }

  async stop(): Promise<void> {
    this.queue.close();
    this.server.close();
    this.server.closeAllConnections();
    await once(this.server, 'close');
  }

  private answer(response: ServerResponse): void {
    response.end(JSON.stringify({ keys: this.keys }));
  }
}
