import connect, { measureConnect } from './connect.js';

/** @type {import('./index.js').Scenario} */
export default {
  ...connect,
  name: 'connect-token',
  title: 'Connect and disconnect by WebSocket, with a token (HS256) that the server verifies',
  secured: true,
  run: (context) => measureConnect(context),
};
