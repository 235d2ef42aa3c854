/** Services that speak Nest's transports as a broken or malicious one might, by hand. */
import { createServer, type AddressInfo, type Socket } from 'node:net';
import { connect as connectNats, type Msg } from '@nats-io/transport-node';

/** What a service is sent: the packet of Nest. */
export interface Packet {
  readonly id: string;
  readonly pattern: string;
}

/** A service that a test has started. */
export interface HandMadeService<Reply> {
  readonly url: string;
  /** What it does with the next packets. */
  answer: Reply;
  stop(): Promise<void>;
}

/** A frame of Nest's TCP transport. */
export const frame = (packet: unknown): string => {
  const text = typeof packet === 'string' ? packet : JSON.stringify(packet);
  return `${text.length}#${text}`;
};

/** On TCP: the answer writes what it likes to the connection. */
export async function startTcpService(): Promise<HandMadeService<(socket: Socket, packet: Packet) => void>> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    let text = '';
    socket.on('error', () => {}).on('close', () => sockets.delete(socket));
    socket.on('data', (data: Buffer) => {
      text += data.toString();
      for (;;) {
        const [, head, length] = /^((\d+)#)/.exec(text) ?? [];
        if (head === undefined || text.length < head.length + Number(length)) return;
        const end = head.length + Number(length);
        const packet = JSON.parse(text.slice(head.length, end)) as Packet;
        text = text.slice(end);
        service.answer(socket, packet);
      }
    });
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const service: HandMadeService<(socket: Socket, packet: Packet) => void> = {
    url: `tcp://127.0.0.1:${(server.address() as AddressInfo).port}`,
    answer: () => undefined,
    stop: () =>
      new Promise<void>((done) => {
        server.close(() => done());
        for (const socket of sockets) socket.destroy();
      }),
  };
  return service;
}

/** On NATS: the answer responds with any bytes. */
export async function startNatsService(
  url: string,
  subject: string,
): Promise<HandMadeService<(message: Msg, packet: Packet) => void>> {
  const connection = await connectNats({ servers: url.replace('nats://', '') });
  const service: HandMadeService<(message: Msg, packet: Packet) => void> = {
    url,
    answer: () => undefined,
    stop: () => connection.close(),
  };
  connection.subscribe(subject, {
    callback: (_, message) => service.answer(message, message.json()),
  });
  await connection.flush();
  return service;
}
