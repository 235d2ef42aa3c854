import { Server } from 'socket.io';
import { createMemoryEngine } from '../engine/contract/memory-engine-under-test.js';
import {
  describeRegistry,
  DESCRIBED,
  infoOf,
  type RegistryUnderTest,
} from '../engine/contract/registry-contract.js';
import { NodeIdentity } from '../engine/node-identity.js';
import { OPEN_GRANT } from '../sockets/grant.js';
import { MembershipAdapter, type MembershipObserver } from '../sockets/membership.adapter.js';
import { Namespaces } from '../sockets/namespaces.js';
import { setSocketState, type GatewaySocket } from '../sockets/socket-state.js';
import { LocalRegistry } from './local-registry.js';

/** Registration has a suite of its own; here the engine is asked only. */
const NOBODY: MembershipObserver = {
  joined: () => undefined,
  left: () => undefined,
  gone: () => undefined,
};

/** The memory engine above the maps of Socket.IO, with sockets that exist only there. */
async function createRegistry(): Promise<RegistryUnderTest> {
  const node = new NodeIdentity();
  const namespaces = new Namespaces();
  const local = new LocalRegistry(namespaces, node);
  const { engine } = await createMemoryEngine({ history: [], recoveryWindowMs: 0 }, local);
  const nsp = new Server().of('/');
  nsp.adapter.close();
  const adapter = new MembershipAdapter(nsp, namespaces, NOBODY);
  nsp.adapter = adapter;
  const { address, userAgent, protocol, transport } = DESCRIBED;
  return {
    registry: engine.registry,
    node: node.id,
    connect: async (id, user, rooms = []) => {
      const conn = { transport: { name: transport }, protocol };
      const socket = { id, nsp, conn } as unknown as GatewaySocket;
      setSocketState(
        socket,
        { user, info: { ...infoOf(user), tags: [] }, grant: OPEN_GRANT },
        address,
        userAgent,
      );
      nsp.sockets.set(id, socket);
      void adapter.addAll(id, new Set([id]));
      void adapter.addNamed(id, rooms);
    },
    join: async (id, room) => void adapter.addNamed(id, [room]),
    part: async (id, room) => void adapter.delNamed(id, [room]),
    disconnect: async (id) => {
      adapter.delAll(id);
      nsp.sockets.delete(id);
    },
    close: () => engine.stop(),
  };
}

describe('memory as the registry of a node', () => describeRegistry(createRegistry));
