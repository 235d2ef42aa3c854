import { EventEmitter, once } from 'node:events';
import { connect, type AddressInfo, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { createFrontDoor } from './front-door.js';

describe('the front door of the workers', () => {
  it('[R4] reads nothing of a connection after its request line, however long it takes to give it away', async () => {
    const given = new EventEmitter();
    const door = createFrontDoor(() => (socket, head) => given.emit('connection', socket, head));
    door.listen(0, '127.0.0.1');
    await once(door, 'listening');
    const client = connect({ port: (door.address() as AddressInfo).port, host: '127.0.0.1', noDelay: true });
    client.write('GET / HTTP/1.1\r\n');
    const [socket, head] = (await once(given, 'connection')) as [Socket, Buffer];
    for (let piece = 0; piece < 5; piece++) {
      client.write('Host: here\r\n');
      await sleep(10);
    }
    expect(head.toString()).toBe('GET / HTTP/1.1\r\n');
    expect(socket.bytesRead).toBe(head.length);
    socket.destroy();
    client.destroy();
    door.close();
  });
});
