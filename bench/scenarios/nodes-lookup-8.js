import nodesLookup from './nodes-lookup.js';

/** @type {import('./index.js').NodesScenario} */
export default {
  ...nodesLookup,
  name: 'nodes-lookup-8',
  title: 'Eight nodes: an app looks up the sockets of a user or a room, half of them on either of two nodes',
  nodeCount: 8,
};
