import { Socket, type Server } from 'socket.io';

/** Something private of Socket.IO that the gateway uses, and what becomes of it without. */
interface Requirement {
  readonly name: string;
  readonly isThere: (parts: Parts) => boolean;
  /** What falls back; `undefined` where the gateway cannot do without. */
  readonly otherwise?: string;
}

/** Of a server: what every socket inherits, a namespace, its adapter. */
interface Parts {
  readonly socket: Inside;
  readonly namespace: Inside;
  readonly adapter: Inside;
}

type Inside = Readonly<Record<string, unknown>>;

const hasFunction =
  (of: keyof Parts, ...names: string[]) =>
  (parts: Parts): boolean =>
    names.every((name) => typeof parts[of][name] === 'function');

/** What fails in silence where it is not there. All else of `platform/` looks for itself, or fails in its first use. */
const REQUIREMENTS: readonly Requirement[] = [
  {
    name: 'Adapter#encoder',
    isThere: ({ adapter }) => typeof (adapter['encoder'] as Inside | undefined)?.['encode'] === 'function',
  },
  { name: 'Namespace#_ids', isThere: ({ namespace }) => typeof namespace['_ids'] === 'number' },
  { name: 'Namespace#_onServerSideEmit', isThere: hasFunction('namespace', '_onServerSideEmit') },
  { name: 'Socket#packet', isThere: hasFunction('socket', 'packet') },
  {
    name: 'Socket#onevent, Socket#run',
    isThere: hasFunction('socket', 'onevent', 'onack', 'run'),
    otherwise: 'events are taken by a listener for each name, which costs memory for each socket',
  },
  {
    name: 'Socket#emitReserved, Namespace#emitReserved',
    isThere: (parts) =>
      hasFunction('socket', 'emitReserved')(parts) && hasFunction('namespace', 'emitReserved')(parts),
    otherwise: 'a listener of an app that throws is not contained',
  },
  {
    name: 'Socket#notifyOutgoingListeners',
    isThere: hasFunction('socket', 'notifyOutgoingListeners'),
    otherwise: 'listeners of onAnyOutgoing() are not told of publications',
  },
  {
    name: 'Socket#_onclose',
    isThere: hasFunction('socket', '_onclose'),
    otherwise:
      'a session that its client takes elsewhere ends later, and apps are told of the shutdown by another reason',
  },
  {
    name: 'Namespace#_remove',
    isThere: hasFunction('namespace', '_remove'),
    otherwise: 'namespaces that were made for a pattern stay when their last socket has gone',
  },
  {
    name: 'Namespace#_preConnectSockets',
    isThere: ({ namespace }) => namespace['_preConnectSockets'] instanceof Map,
    otherwise: 'sockets are not found before they are connected',
  },
];

/**
 * Looks once, when a server is made, whether this version of Socket.IO has what the gateway uses of its insides.
 *
 * @returns a line for each part that is missing and has something to fall back on
 * @throws Error where the gateway cannot do without
 */
export function missingInternals(server: Server): string[] {
  const namespace = server.of('/');
  const parts: Parts = {
    socket: Socket.prototype as unknown as Inside,
    namespace: namespace as unknown as Inside,
    adapter: namespace.adapter as unknown as Inside,
  };
  const missing = REQUIREMENTS.filter(({ isThere }) => !isThere(parts));
  const fatal = missing.filter(({ otherwise }) => otherwise === undefined);
  if (fatal.length > 0) {
    throw new Error(`this version of socket.io has no ${fatal.map(({ name }) => name).join(', ')}`);
  }
  return missing.map(({ name, otherwise }) => `this version of socket.io has no ${name}: ${otherwise}`);
}
