import { fanOutToAll } from '../support/fan-out.js';

export default fanOutToAll({
  name: 'fan-out-1',
  title: 'Broadcast to all sockets, one publication at a time',
  perTurn: 1,
});
