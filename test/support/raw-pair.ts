import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Server, type Socket } from 'socket.io';
import { createClient, type TestClient } from 'switchboard-gateway/testing';

/** A bare Socket.IO server with one socket and its client, to look at Socket.IO itself. */
export interface RawPair {
  readonly server: Server;
  readonly socket: Socket;
  readonly client: TestClient;
  close(): Promise<void>;
}

/** @param onConnection runs before the client's first event can arrive */
export async function connectRawPair(onConnection: (socket: Socket) => void = () => {}): Promise<RawPair> {
  const http = createServer();
  const server = new Server(http);
  server.on('connection', onConnection);
  const connected = once(server, 'connection') as Promise<[Socket]>;
  await once(http.listen(0, '127.0.0.1'), 'listening');
  const client = createClient(`http://127.0.0.1:${(http.address() as AddressInfo).port}`);
  const [socket] = await connected;
  await client.next('connect');
  return {
    server,
    socket,
    client,
    close: async () => {
      client.close();
      await server.close();
    },
  };
}
