import { roomOnOtherNode } from '../support/nodes-room.js';

export default roomOnOtherNode({
  name: 'nodes-room-1',
  title: 'Two nodes: a room on the other node, one publication at a time',
  perTurn: 1,
});
