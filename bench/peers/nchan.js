/** Nchan: the publish and subscribe of nginx, in C. This process publishes by HTTP, the only way that Nchan has. */
import { Agent, request } from 'node:http';
import { serve } from '../support/control.js';
import { encodeMessage } from '../support/message.js';
import { cpuMicrosOf, startNginx } from '../support/nginx.js';

/** With as many connections ten publications a turn all leave at once; more made a hundred no cheaper. */
const agent = new Agent({ keepAlive: true, maxSockets: 10 });
/** @type {{ port: number, worker: number }} */
let nginx;

serve({
  async ready({ folder }) {
    nginx = await startNginx(folder);
    await publish('hello');
    return { port: nginx.port, protocol: 'ws' };
  },
  /** Of nginx's worker, not of this process; user and system in one. */
  cpu: () => ({ user: cpuMicrosOf(nginx.worker), system: 0 }),
  broadcast: ({ perTurn }) => Promise.all(Array.from({ length: perTurn }, () => publish(encodeMessage()))),
});

/** @param {string} message */
function publish(message) {
  return new Promise((/** @type {(value?: unknown) => void} */ resolve, reject) => {
    const options = { agent, host: '127.0.0.1', port: nginx.port, method: 'POST', path: '/publish' };
    const outgoing = request(options, (response) => {
      const { statusCode = 0 } = response;
      if (statusCode < 200 || statusCode > 299) reject(new Error(`Nchan answered ${statusCode}`));
      response.on('error', reject).on('end', resolve).resume();
    });
    outgoing.on('error', reject).end(message);
  });
}
