import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text as textOf } from 'node:stream/consumers';
import { connect, type Socket } from 'node:net';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { WebSocket, WebSocketServer, type ServerOptions } from 'ws';
import { endsLater, sendFrame } from '../../platform/web-socket.js';
import { PreparingWebSocketServer } from './upgraded-socket.js';

type Kind = new (options: ServerOptions) => WebSocketServer;

/** Sends on a WebSocket, and ends it. */
type Script = (webSocket: WebSocket) => void;

const KEY = 'dGhlIHNhbXBsZSBub25jZQ==';
/** A masked close frame with the code 1000, of a client that leaves. */
const LEAVE = Buffer.from([0x88, 0x82, 0, 0, 0, 0, 0x03, 0xe8]);

describe('a WebSocket that sends a whole text as one buffer', () => {
  const servers: Server[] = [];
  afterEach(async () => {
    for (const server of servers.splice(0)) {
      server.close();
      await once(server, 'close');
    }
  });

  async function listen(kind: Kind, onWebSocket: Script, perMessageDeflate = false): Promise<number> {
    const engine = new kind({ noServer: true, perMessageDeflate, maxPayload: 1e6 });
    const server = createServer();
    servers.push(server);
    server.on('upgrade', (request, stream, head) => {
      Object.assign(request, { _query: {} });
      engine.handleUpgrade(request, stream, head, onWebSocket);
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return (server.address() as AddressInfo).port;
  }

  /** All bytes that a client gets, as Latin 1. */
  async function bytesOf(kind: Kind, script: Script, client?: (socket: Socket) => void): Promise<string> {
    const port = await listen(kind, script);
    const socket = connect(port, '127.0.0.1').setEncoding('latin1');
    socket.write(
      `GET / HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${KEY}\r\n\r\n`,
    );
    client?.(socket);
    return textOf(socket);
  }

  const thenEnd: Script = (webSocket) => webSocket.send('end', () => webSocket.terminate());

  it.each([
    ['nothing', ''],
    ['a short text', 'x'.repeat(125)],
    ['a text with a longer length', 'x'.repeat(126)],
    ['the longest of these', 'x'.repeat(65_535)],
    ['a text with the longest length', 'x'.repeat(65_536)],
    ['more bytes than characters', 'ä€😀'.repeat(40)],
  ])('sends the bytes that ws sends: %s', async (_, text) => {
    const script: Script = (webSocket) => {
      webSocket.send(text, () => {});
      thenEnd(webSocket);
    };
    expect(await bytesOf(PreparingWebSocketServer, script)).toBe(await bytesOf(WebSocketServer, script));
  });

  it('[O4] tells of many that end in one moment over several turns, and of each once', async () => {
    const count = 600;
    const open: WebSocket[] = [];
    const ended: number[] = [];
    const perTurn: number[] = [];
    const port = await listen(PreparingWebSocketServer, (webSocket) => {
      const index = open.push(webSocket) - 1;
      webSocket.on('close', () => ended.push(index));
    });
    const clients = Array.from({ length: count }, () => new WebSocket(`ws://127.0.0.1:${port}`));
    await Promise.all(clients.map((client) => once(client, 'open')));
    const failures: unknown[] = [];
    for (const webSocket of open) webSocket.terminate();
    for (let before = 0; ended.length < count; before = ended.length) {
      await nextTurn();
      perTurn.push(ended.length - before);
      // A publication meanwhile is no reason to end for another cause.
      const untold = open.find((webSocket, index) => endsLater(webSocket) && !ended.includes(index));
      untold?.send('a text', (error) => failures.push(error));
      untold?.send('a text', { compress: false }, (error) => failures.push(error));
    }
    expect(failures.length).toBeGreaterThan(0);
    expect(failures.every((failure) => failure === undefined)).toBe(true);
    await Promise.all(
      clients.map((client) => client.readyState === WebSocket.CLOSED || once(client, 'close')),
    );
    expect(new Set(ended).size).toBe(count);
    expect(ended).toHaveLength(count);
    expect(Math.max(...perTurn)).toBeLessThanOrEqual(256);
  });

  it('sends a part of a message, and bytes, as ws does', async () => {
    const script: Script = (webSocket) => {
      webSocket.send('first, ', { fin: false });
      webSocket.send('second', () => {});
      webSocket.send(Buffer.from([1, 2, 3]), () => {});
      thenEnd(webSocket);
    };
    expect(await bytesOf(PreparingWebSocketServer, script)).toBe(await bytesOf(WebSocketServer, script));
  });

  it.each([
    ['no code', undefined, undefined],
    ['1000', 1000, undefined],
    ['1001', 1001, ''],
    ['another code', 1011, undefined],
    ['a reason', 1000, 'good bye'],
  ])('closes as ws does: with %s', async (_, code, reason) => {
    const script: Script = (webSocket) => webSocket.close(code, reason);
    const end = (socket: Socket): void => void socket.once('data', () => socket.write(LEAVE));
    expect(await bytesOf(PreparingWebSocketServer, script, end)).toBe(
      await bytesOf(WebSocketServer, script, end),
    );
  });

  it('answers the close of a client as ws does, and refuses a code that there is not', async () => {
    const end = (socket: Socket): void => void socket.write(LEAVE);
    expect(await bytesOf(PreparingWebSocketServer, () => {}, end)).toBe(
      await bytesOf(WebSocketServer, () => {}, end),
    );
    const refused = new Promise<unknown>((resolve) => {
      void bytesOf(PreparingWebSocketServer, (webSocket) => {
        try {
          webSocket.close(1005);
        } catch (error) {
          resolve(error);
          webSocket.terminate();
        }
      });
    });
    expect(await refused).toBeInstanceOf(TypeError);
  });

  it('tells when a text has left, and when it cannot leave any more', async () => {
    const told = new Promise<unknown[]>((resolve) => {
      void bytesOf(PreparingWebSocketServer, (webSocket) => {
        webSocket.send('first', (error) => {
          webSocket.terminate();
          webSocket.send('late', (later) => resolve([error ?? null, later]));
        });
      });
    });
    expect(await told).toEqual([null, expect.any(Error)]);
  });

  it('compresses where that was agreed upon', async () => {
    const port = await listen(
      PreparingWebSocketServer,
      (webSocket) => webSocket.send('x'.repeat(5_000), () => {}),
      true,
    );
    const client = new WebSocket(`ws://127.0.0.1:${port}`);
    const [data] = (await once(client, 'message')) as [Buffer];
    expect(client.extensions).toBe('permessage-deflate');
    expect(data.toString()).toBe('x'.repeat(5_000));
    client.terminate();
  });

  it('web-socket: finds what it needs in this ws, on the side of a server only', async () => {
    const frame = Buffer.from([0x81, 1, 'x'.charCodeAt(0)]);
    const sent = new Promise<boolean>((resolve) => {
      void listen(WebSocketServer, (webSocket) => resolve(sendFrame(webSocket, frame, () => {}))).then(
        async (port) => {
          const client = new WebSocket(`ws://127.0.0.1:${port}`);
          await once(client, 'message');
          expect(sendFrame(client, frame, () => {})).toBe(false);
          client.terminate();
        },
      );
    });
    expect(await sent).toBe(true);
  });
});
