/** A network between clients and a node, and the harm that it does. */
import { once } from 'node:events';
import { connect, createServer } from 'node:net';

export class Network {
  sockets = new Set();
  isDark = false;

  /** @param harm called with `{near, far, network}` for each connection; joins what it lets through, near to far */
  static async to(port, harm = letThrough) {
    const network = new Network();
    network.server = createServer((near) => {
      const far = connect({
        port,
        host: '127.0.0.1',
        localAddress: near.remoteAddress.replace('::ffff:', ''),
      });
      for (const end of [near, far]) {
        network.sockets.add(end.setNoDelay(true).on('error', () => undefined));
        end.on('close', () => network.sockets.delete(end));
      }
      if (network.isDark) return void near.destroy();
      near.on('close', () => network.isDark || far.destroy());
      far.on('close', () => near.destroy());
      far.pipe(near);
      harm({ near, far, network });
    });
    network.server.listen(0, '127.0.0.1');
    await once(network.server, 'listening');
    network.url = `http://127.0.0.1:${network.server.address().port}`;
    return network;
  }

  /** Nothing gets through any longer, and the node is not told: a device without a network. */
  goDark() {
    this.isDark = true;
    for (const socket of this.sockets) {
      socket.unpipe();
      socket.pause();
    }
  }

  /** New connections get through again. */
  light() {
    this.isDark = false;
  }

  close() {
    for (const socket of this.sockets) socket.destroy();
    this.server.close();
  }
}

export const letThrough = ({ near, far }) => void near.pipe(far);

const cut = ({ near, far }) => {
  near.destroy();
  far.destroy();
};

/** Cuts what is this old. */
export const cutAtAge = (ms) => (line) => {
  letThrough(line);
  const timer = setTimeout(cut, ms, line);
  line.near.on('close', () => clearTimeout(timer));
};

/** Cuts what has been silent for this long. */
export const cutWhenSilent = (ms) => (line) => {
  letThrough(line);
  line.near.setTimeout(ms, () => cut(line));
};

/** Answers every request for a WebSocket by itself. */
export const refuseWebSockets = ({ near, far }) => {
  near.on('data', (chunk) => {
    if (!/\r\nupgrade: websocket\r\n/i.test(chunk.toString('latin1'))) return far.write(chunk);
    far.destroy();
    near.end('HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\nconnection: close\r\n\r\n');
  });
};

/** Lets the first frame of a WebSocket through, and swallows the others. */
export const swallowFrames = ({ near, far }) => {
  let frames = -1;
  near.on('data', (chunk) => {
    if (frames === -1 && /\r\nupgrade: websocket\r\n/i.test(chunk.toString('latin1'))) frames = 0;
    else if (frames !== -1 && frames++ > 0) return;
    far.write(chunk);
  });
};
