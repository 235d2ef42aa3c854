import { Inject, Injectable, Logger, type OnApplicationBootstrap } from '@nestjs/common';
import type { MicroserviceOptions } from '@nestjs/microservices';
import { setImmediate as immediate, setTimeout as delay } from 'node:timers/promises';
import type { SwitchboardConfig } from '../config/config.js';
import { SWITCHBOARD_CONFIG } from '../config/config.token.js';
import { isOfThisMachine, parseServiceAddress } from '../config/service-address.js';
import { NodeIdentity } from '../engine/node-identity.js';
import { nestOptionsOf, tcpCaps } from '../outbound/nest-options.js';
import { Drain } from '../sockets/drain.js';
import { HealthDetails } from '../telemetry/health-details.js';
import { logFailure } from '../telemetry/log.js';
import { shownAddress, type DoorServer } from './door-server.js';
import { MessageDesk } from './message-desk.js';

/** What is under way when a node ends has this long. [N5] */
const FINISH_MS = 10_000;

/** A message may be a batch, and is text: a byte of it is at most a few characters more. */
const TCP_OVERHEAD_BYTES = 65_536;

interface Wanted {
  readonly shown: string;
  readonly options: MicroserviceOptions;
}

/**
 * The gateway as a microservice of Nest: opens the servers of the configuration and of `connectSwitchboard`, and closes them
 * before the sockets are sent away. [N1] [N5]
 */
@Injectable()
export class MicroserviceDoor implements OnApplicationBootstrap {
  private readonly logger = new Logger('Microservice');
  private readonly wanted: Wanted[];
  private readonly states = new Map<string, 'up' | 'down'>();
  private servers: DoorServer[] = [];
  private isClosing = false;

  constructor(
    @Inject(SWITCHBOARD_CONFIG) private readonly config: SwitchboardConfig,
    private readonly desk: MessageDesk,
    private readonly health: HealthDetails,
    private readonly identity: NodeIdentity,
    drain: Drain,
  ) {
    const caps = tcpCaps(config.maxBatchBytes + TCP_OVERHEAD_BYTES);
    this.wanted = config.microservice.map((text) => {
      const address = parseServiceAddress(text)!;
      return { shown: shownAddress(address), options: nestOptionsOf(address, caps) };
    });
    drain.precedeBy(() => this.close());
  }

  /** Adds a server of an embedding app. @throws Error in open mode for what others than this machine reach */
  add(options: MicroserviceOptions): void {
    const shown = shownOptions(options);
    const address = parseServiceAddress(shown);
    const isMeant = this.config.mode === 'secured' || this.config.open;
    if (!isMeant && !(address && isOfThisMachine(address))) {
      throw new Error(
        `${shown}: in open mode services ask over TCP on a loopback address; set an API key, or open: true if everyone who ` +
          'reaches it may do everything',
      );
    }
    this.wanted.push({ shown, options });
  }

  async onApplicationBootstrap(): Promise<void> {
    if (this.wanted.length === 0) return;
    const open = await loadServers();
    this.servers = await Promise.all(this.wanted.map((each) => this.open(each, open)));
    this.health.add('microservice', () => Object.fromEntries(this.states));
  }

  private async open({ shown, options }: Wanted, openServer: OpenServer): Promise<DoorServer> {
    try {
      const server = await openServer({
        shown,
        options,
        node: this.identity.id,
        taker: this.desk,
        onStatus: (isConnected) => this.changed(shown, isConnected),
      });
      this.states.set(shown, 'up');
      this.logger.log('services may ask by messages', { at: shown });
      return server;
    } catch (failure) {
      const reason = failure instanceof Error ? failure.message : String(failure);
      throw new Error(`SWITCHBOARD_MICROSERVICE: ${shown}: ${reason}`, { cause: failure });
    }
  }

  private changed(shown: string, isConnected: boolean): void {
    // A server that this node closes is not away.
    if (this.isClosing) return;
    const state = isConnected ? 'up' : 'down';
    const before = this.states.get(shown);
    this.states.set(shown, state);
    if (before === undefined || before === state) return;
    if (isConnected) this.logger.log('a broker is back', { at: shown });
    else this.logger.warn('a broker is away; goes on trying', { at: shown });
  }

  /** Takes nothing any more, has what is under way answered, then closes. Never rejects. [N5] */
  private async close(): Promise<void> {
    const { servers } = this;
    this.isClosing = true;
    this.servers = [];
    if (servers.length === 0) return;
    await this.each(servers, (server) => server.stopTaking());
    const tooLate = new AbortController();
    await Promise.race([
      this.desk.close(),
      delay(FINISH_MS, undefined, { signal: tooLate.signal }).catch(() => undefined),
    ]);
    tooLate.abort();
    // Nest writes an answer in a later turn than the one in which it is known.
    await immediate();
    await immediate();
    await this.each(servers, (server) => server.close());
  }

  private async each(
    servers: readonly DoorServer[],
    act: (server: DoorServer) => Promise<void>,
  ): Promise<void> {
    const results = await Promise.allSettled(servers.map(act));
    for (const result of results) {
      if (result.status === 'rejected') logFailure(this.logger, 'a server did not close', result.reason);
    }
  }
}

type OpenServer = typeof import('./nest-servers.js').openNestServer;

async function loadServers(): Promise<OpenServer> {
  try {
    return (await import('./nest-servers.js')).openNestServer;
  } catch (failure) {
    if ((failure as { code?: string }).code !== 'ERR_MODULE_NOT_FOUND') throw failure;
    throw new Error('SWITCHBOARD_MICROSERVICE needs a package: npm i @nestjs/microservices', {
      cause: failure,
    });
  }
}

/** As logs and `/health/ready` show a server, without credentials. */
function shownOptions(options: MicroserviceOptions): string {
  if ('strategy' in options) return options.strategy.constructor.name;
  const {
    host = 'localhost',
    port,
    servers,
    urls,
  } = (options.options ?? {}) as Readonly<Record<string, unknown>>;
  const first = (list: unknown, fallback: string): string => {
    const [one] = Array.isArray(list) ? (list as unknown[]) : [list];
    if (typeof one !== 'string') return fallback;
    const text = one.includes('://') ? one : `nats://${one}`;
    if (!URL.canParse(text)) return fallback;
    const { protocol, host: at } = new URL(text);
    return `${protocol}//${at}`;
  };
  switch (options.transport as number | undefined) {
    case 1:
      return `redis://${String(host)}:${String(port ?? 6379)}`;
    case 2:
      return first(servers, 'nats://localhost:4222');
    case 5:
      return first(urls, 'amqp://localhost');
    default:
      return `tcp://${String(host)}:${String(port ?? 3000)}`;
  }
}
