/**
 * All scenarios, in the order in which they run.
 *
 * @typedef {object} Options what was asked for on the command line
 * @property {number} clients
 * @property {number} [connections]
 * @property {boolean} quick
 * @property {import('../support/older-build.js').OlderBuild} [older]
 *
 * @typedef {object} ScenarioFacts
 * @property {string} name
 * @property {string} title
 * @property {string} unit
 * @property {'lower' | 'higher'} better
 * @property {string[]} peers
 * @property {boolean} [secured] clients come with a token that every peer verifies
 * @property {boolean} [backend] a backend answers events of clients
 * @property {boolean} [redis] it starts a Redis itself
 * @property {boolean} [messages] the gateway takes messages of services of Nest
 * @property {string} [history] `SWITCHBOARD_HISTORY` of the gateway
 * @property {boolean} [matrix] labels are `row: column`, and one table shows the medians
 * @property {(options: Options) => number} connections how many are open at once
 *
 * @typedef {object} SingleRun
 * @property {false} [nodes]
 * @property {(context: import('../support/sample.js').Context) => Promise<number | Record<string, number>>} run
 *   one sample: a number, or several under a label each
 *
 * @typedef {object} NodesRun
 * @property {true} nodes nodes of the peer and a Redis
 * @property {number} [nodeCount] how many; 2 when not given
 * @property {(context: import('../support/nodes-sample.js').NodesContext) => Promise<Record<string, number>>} run
 *
 * @typedef {ScenarioFacts & SingleRun} Scenario
 * @typedef {ScenarioFacts & NodesRun} NodesScenario
 * @typedef {Scenario | NodesScenario} AnyScenario
 */
import connect from './connect.js';
import connectPolling from './connect-polling.js';
import connectToken from './connect-token.js';
import connectWebhooks from './connect-webhooks.js';
import fanOut1 from './fan-out-1.js';
import fanOut10 from './fan-out-10.js';
import fanOut100 from './fan-out-100.js';
import fanOutHistory from './fan-out-history.js';
import fanOutRooms from './fan-out-rooms.js';
import forward from './forward.js';
import httpEmit from './http-emit.js';
import idleMemory from './idle-memory.js';
import loopBlocks from './loop-blocks.js';
import messages from './messages.js';
import nodesLatency from './nodes-latency.js';
import nodesLookup from './nodes-lookup.js';
import nodesLookup8 from './nodes-lookup-8.js';
import nodesRedis from './nodes-redis.js';
import nodesRoom1 from './nodes-room-1.js';
import nodesRoom10 from './nodes-room-10.js';
import nodesWalk from './nodes-walk.js';
import registryLookup from './registry-lookup.js';
import requestAck from './request-ack.js';
import resume from './resume.js';
import start from './start.js';
import webhooks from './webhooks.js';
import workers from './workers.js';

/** @type {AnyScenario[]} */
export const SCENARIOS = [
  fanOut1,
  fanOut10,
  fanOut100,
  fanOutRooms,
  fanOutHistory,
  resume,
  start,
  connect,
  connectToken,
  connectPolling,
  connectWebhooks,
  idleMemory,
  workers,
  loopBlocks,
  requestAck,
  httpEmit,
  forward,
  messages,
  webhooks,
  registryLookup,
  nodesRoom1,
  nodesRoom10,
  nodesLatency,
  nodesLookup,
  nodesLookup8,
  nodesWalk,
  nodesRedis,
];
