import { roomOnOtherNode } from '../support/nodes-room.js';

export default roomOnOtherNode({
  name: 'nodes-room-10',
  title: 'Two nodes: a room on the other node, 10 publications in one turn',
  perTurn: 10,
});
