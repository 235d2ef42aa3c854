import type { Namespace, Server } from 'socket.io';
import { childrenOf } from '../../platform/namespace-of-io.js';
import type { Hook, WiredGateway, WiredHandler } from '../nest/nest-wiring.js';

/** What happens on one namespace: its hooks in the order of registration and a handler per event. */
export interface NamespaceTable {
  readonly connectionHooks: readonly { gateway: string; hook: Hook }[];
  readonly disconnectHooks: readonly { gateway: string; hook: Hook }[];
  readonly handlers: ReadonlyMap<string, WiredHandler>;
}

/** Which handler takes which event, per namespace; built once at start. */
export class GatewayTable {
  private readonly tables = new Map<Namespace, NamespaceTable>();
  /** Of namespaces that were made on demand; they come and go. */
  private readonly tablesOfChildren = new WeakMap<Namespace, NamespaceTable>();
  private readonly tableElsewhere: NamespaceTable;

  /**
   * @param everywhere the gateway whose hooks run on every namespace, before those of the namespace's own
   * @throws Error when two handlers claim one event on one namespace
   */
  constructor(gateways: readonly WiredGateway[], everywhere: (gateway: WiredGateway) => boolean) {
    const common = gateways.filter(everywhere);
    this.tableElsewhere = { ...hooksOf(common), handlers: new Map() };
    for (const [namespace, group] of groupByNamespace(gateways)) {
      const hooks = hooksOf([...common, ...group.filter((gateway) => !common.includes(gateway))]);
      this.tables.set(namespace, { ...hooks, handlers: handlersOf(namespace, group) });
    }
  }

  of(namespace: Namespace): NamespaceTable {
    const known = this.tables.get(namespace) ?? this.tablesOfChildren.get(namespace);
    if (known) return known;
    const table = this.tableOfParent(namespace) ?? this.tableElsewhere;
    this.tablesOfChildren.set(namespace, table);
    return table;
  }

  /** A namespace made on demand for a pattern has the table of the pattern. */
  private tableOfParent(child: Namespace): NamespaceTable | undefined {
    for (const [namespace, table] of this.tables) {
      if (childrenOf(namespace)?.has(child)) return table;
    }
    return undefined;
  }
}

const namespaceOf = (server: Server | Namespace): Namespace => ('of' in server ? server.of('/') : server);

function groupByNamespace(gateways: readonly WiredGateway[]): Map<Namespace, WiredGateway[]> {
  const groups = new Map<Namespace, WiredGateway[]>();
  for (const gateway of gateways) {
    const namespace = namespaceOf(gateway.server);
    const group = groups.get(namespace);
    if (group) group.push(gateway);
    else groups.set(namespace, [gateway]);
  }
  return groups;
}

function handlersOf(namespace: Namespace, gateways: readonly WiredGateway[]): Map<string, WiredHandler> {
  const handlers = new Map<string, WiredHandler>();
  const owners = new Map<string, string>();
  for (const gateway of gateways) {
    for (const handler of gateway.handlers) {
      const owner = `${gateway.name}.${handler.method}`;
      const other = owners.get(handler.event);
      if (other !== undefined) {
        throw new Error(
          `${other} and ${owner} both handle "${handler.event}" on namespace "${namespace.name}"; ` +
            'give one of them another event or namespace',
        );
      }
      owners.set(handler.event, owner);
      handlers.set(handler.event, handler);
    }
  }
  return handlers;
}

function hooksOf(
  gateways: readonly WiredGateway[],
): Pick<NamespaceTable, 'connectionHooks' | 'disconnectHooks'> {
  return {
    connectionHooks: gateways.flatMap(({ name, onConnection }) =>
      onConnection ? [{ gateway: name, hook: onConnection }] : [],
    ),
    disconnectHooks: gateways.flatMap(({ name, onDisconnect }) =>
      onDisconnect ? [{ gateway: name, hook: onDisconnect }] : [],
    ),
  };
}
