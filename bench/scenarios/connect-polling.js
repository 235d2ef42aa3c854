import connect, { measureConnect } from './connect.js';

/** @type {import('./index.js').Scenario} */
export default {
  ...connect,
  name: 'connect-polling',
  title: 'Connect by polling, upgrade to WebSocket and disconnect, as stock clients do, without a token',
  run: (context) => measureConnect(context, { startsByPolling: true }),
};
