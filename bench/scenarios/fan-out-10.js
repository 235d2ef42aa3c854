import { fanOutToAll } from '../support/fan-out.js';

export default fanOutToAll({
  name: 'fan-out-10',
  title: 'Broadcast to all sockets, 10 publications in one turn of the event loop',
  perTurn: 10,
});
