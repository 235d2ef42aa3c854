/** What befalls nodes, and what balancers do. */
import { connect, createServer } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';

export const NODES = [
  {
    cause: 'The node was killed.',
    named: /died without a word/,
    async make(stage, user) {
      const node = await stage.addNode();
      await stage.connected(user, { url: node.url });
      await pause(500);
      node.child.kill('SIGKILL');
      await stage.isGone(user);
      await pause(1_000);
      return { user, question: 'was thrown out at the same second as some others. Why?' };
    },
  },
  {
    cause: 'The node was stopped for a deployment.',
    named: /stopped on purpose/,
    async make(stage, user) {
      const node = await stage.addNode();
      await stage.connected(user, { url: node.url });
      await node.stop();
      await stage.isGone(user);
      return { user, question: 'was thrown out at the same second as some others. Why?' };
    },
  },
  {
    cause: 'The node stood still for six seconds.',
    named: /stood still/,
    async make(stage, user) {
      const node = await stage.addNode();
      await stage.connected(user, { url: node.url });
      await pause(500);
      node.child.kill('SIGSTOP');
      await pause(6_000);
      node.child.kill('SIGCONT');
      await stage.isGone(user);
      await pause(1_000);
      return { user, question: 'was thrown out at the same second as some others. Why?' };
    },
  },
  {
    cause: 'A message was on its way to a node that was killed at that moment.',
    named: /its node died|node .+ died .+ later/i,
    async make(stage, user) {
      const node = await stage.addNode();
      await stage.connected(user, { url: node.url });
      await pause(500);
      node.child.kill('SIGSTOP');
      const publication = await stage.emit({ users: [user] });
      node.child.kill('SIGKILL');
      await stage.isGone(user);
      await pause(1_000);
      return { user, publication, question: 'did not get this message. Why?' };
    },
  },
  {
    cause: 'The balancer gives each request to another node, so that polling fails.',
    named: /reach different nodes/,
    async make(stage, user) {
      const url = await roundRobin(stage);
      const address = stage.newAddress();
      const client = await stage.client(user, { url, address, transports: ['polling'], comesBack: true });
      await pause(5_000);
      client.disconnect();
      return { user, address, question: 'cannot connect, or only for a moment. Why?' };
    },
  },
];

/** Each connection to the next node, and one request for each connection. */
async function roundRobin(stage) {
  let turn = 0;
  const server = createServer((near) => {
    const node = stage.nodes[turn++ % 2];
    const localAddress = near.remoteAddress.replace('::ffff:', '');
    const far = connect({ port: node.port, host: '127.0.0.1', localAddress });
    for (const end of [near, far]) end.on('error', () => undefined);
    far.pipe(near);
    near.on('data', (chunk) =>
      far.write(chunk.toString('latin1').replace(/connection: keep-alive/i, 'Connection: close'), 'latin1'),
    );
    far.on('close', () => near.destroy());
    near.on('close', () => far.destroy());
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  stage.networks.push({ close: () => server.close() });
  return `http://127.0.0.1:${server.address().port}`;
}
