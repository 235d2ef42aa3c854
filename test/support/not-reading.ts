/** Clients that read nothing for a while, as on a bad line. */
import type { Socket as TcpSocket } from 'node:net';
import type { TestClient } from 'switchboard-gateway/testing';

/** What is private in the stock client on WebSocket. */
interface Engine {
  readonly transport: { readonly ws: { readonly _socket: TcpSocket } };
}

const tcpOf = (client: TestClient): TcpSocket =>
  (client.socket.io.engine as unknown as Engine).transport.ws._socket;

export const stopReading = (client: TestClient): void => void tcpOf(client).pause();

export const readAgain = (client: TestClient): void => void tcpOf(client).resume();

/** Ends the TCP connection without a word, as a proxy does. */
export const cutOff = (client: TestClient): void => void tcpOf(client).destroy();
