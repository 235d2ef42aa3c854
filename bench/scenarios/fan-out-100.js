import { fanOutToAll } from '../support/fan-out.js';

export default fanOutToAll({
  name: 'fan-out-100',
  title: 'Broadcast to all sockets, 100 publications in one turn of the event loop',
  perTurn: 100,
});
