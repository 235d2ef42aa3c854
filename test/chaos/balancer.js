/** A TCP balancer: every new connection goes to one of the nodes that take it. */
import { connect, createServer } from 'node:net';
import { once } from 'node:events';

export class Balancer {
  links = new Set();

  /** @param {() => number[]} ports the nodes that may be tried, in the order in which they are */
  constructor(ports) {
    this.ports = ports;
    this.server = createServer({ noDelay: true }, (client) => this.accept(client));
  }

  static async listen(ports) {
    const balancer = new Balancer(ports);
    balancer.server.listen({ port: 0, host: '127.0.0.1', backlog: 4096 });
    await once(balancer.server, 'listening');
    return balancer;
  }

  get url() {
    return `http://127.0.0.1:${this.server.address().port}`;
  }

  accept(client) {
    // A reset is what this is for: `close` follows.
    client.on('error', () => {});
    const [port] = this.ports();
    if (port === undefined) {
      client.destroy();
      return;
    }
    const node = connect({ host: '127.0.0.1', port, noDelay: true });
    node.on('error', () => {});
    const link = { client, node };
    this.links.add(link);
    client.pipe(node);
    node.pipe(client);
    client.once('close', () => {
      this.links.delete(link);
      node.destroy();
    });
    node.once('close', () => client.destroy());
  }

  /** Breaks some connections without a goodbye. */
  cut(isMeant) {
    let count = 0;
    for (const link of this.links) {
      if (!isMeant()) continue;
      count++;
      link.client.destroy();
      link.node.destroy();
    }
    return count;
  }

  async close() {
    this.cut(() => true);
    this.server.close();
    await once(this.server, 'close');
  }
}
