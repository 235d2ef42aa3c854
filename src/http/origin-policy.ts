import { Inject, Injectable } from '@nestjs/common';
import type { IncomingMessage } from 'node:http';
import type { GatewayMode, SwitchboardConfig } from '../config/config.js';
import { SWITCHBOARD_CONFIG } from '../config/config.token.js';
import { isLoopback } from './client-address.js';
import { queryOf } from '../platform/engine-request.js';
import { cameByUnixSocket } from '../platform/unix-socket.js';
import { SwitchboardError } from '../protocol/errors.js';
import { comesFromHiddenPage, isOriginAllowed } from './origins.js';

/** The token under which it is told whether clients are let in by the app's own login. [N7] */
export const APP_LOGS_IN = Symbol('SWITCHBOARD_APP_LOGS_IN');

/** Answers kept; a browser's page asks with the same headers again and again. */
const MAX_REMEMBERED = 1_000;

/** Headers longer than any real origin or host are not worth remembering. */
const MAX_REMEMBERED_LENGTH = 512;

/** Who may ask at all, whatever it asks for: by where the request comes from and which page sent it. [A5] [C4] */
@Injectable()
export class OriginPolicy {
  private readonly remembered = new Map<string, boolean>();

  /** The mode in which clients connect: an app with a login of its own lets in nobody that has not been asked. */
  private readonly connectionMode: GatewayMode;

  constructor(
    @Inject(SWITCHBOARD_CONFIG) private readonly config: SwitchboardConfig,
    @Inject(APP_LOGS_IN) appLogsIn: boolean,
  ) {
    this.connectionMode = appLogsIn ? 'secured' : config.mode;
  }

  /** Why a request is refused, or `undefined`. */
  refusalOf(request: IncomingMessage, mode: GatewayMode = this.config.mode): SwitchboardError | undefined {
    const { open } = this.config;
    if (mode === 'open' && !open && !comesFromThisMachine(request)) {
      return new SwitchboardError('access.denied', {
        message: 'open mode serves this machine only: set a JWT key, or SWITCHBOARD_OPEN=true if it is meant',
      });
    }
    return this.allowsOrigin(request, mode) ? undefined : new SwitchboardError('origin.refused');
  }

  /** Why a request of the API is refused, or `undefined`: links, images and scripts of another site send no `Origin`. */
  refusalOfApi(request: IncomingMessage): SwitchboardError | undefined {
    const { origin, 'sec-fetch-site': site } = request.headers;
    if (origin === undefined && site === 'cross-site') return new SwitchboardError('origin.refused');
    return this.refusalOf(request);
  }

  /** Why a connection may not be made, or `undefined`: unlike other requests, it is refused when it hides its page. */
  refusalOfConnection(request: IncomingMessage): SwitchboardError | undefined {
    const refusal = this.refusalOf(request, this.connectionMode);
    if (refusal) return refusal;
    const { origin, 'sec-fetch-site': site } = request.headers;
    const isJsonp = queryOf(request)['j'] !== undefined;
    return comesFromHiddenPage({ origin, site: site as string | undefined, isJsonp })
      ? new SwitchboardError('origin.refused')
      : undefined;
  }

  /** Whether a foreign page goes on with a connection that somebody else has made; only the first request is asked above. */
  isIntruding(request: IncomingMessage): boolean {
    return queryOf(request)['sid'] !== undefined && !this.allowsOrigin(request);
  }

  /** Whether the page that sent this request, if one did, may talk to the gateway. */
  allowsOrigin(request: IncomingMessage, mode: GatewayMode = this.connectionMode): boolean {
    const { origin, host } = request.headers;
    // Backends send none, and only what is for this machine alone looks at the host then.
    if (origin === undefined && mode === 'secured') return true;
    const secure = 'encrypted' in request.socket && request.socket.encrypted === true;
    const key = `${mode}${secure ? 's' : ''}\n${host ?? ''}\n${origin ?? ''}`;
    const known = this.remembered.get(key);
    if (known !== undefined) return known;
    const { corsOrigins, open } = this.config;
    const allowed = isOriginAllowed({ origin, host, secure, allowed: corsOrigins, mode, open });
    if (key.length <= MAX_REMEMBERED_LENGTH) this.remember(key, allowed);
    return allowed;
  }

  private remember(key: string, allowed: boolean): void {
    // Whoever sends ever new headers only makes the others be worked out once more.
    if (this.remembered.size >= MAX_REMEMBERED) this.remembered.clear();
    this.remembered.set(key, allowed);
  }
}

/** Through a Unix socket only this machine comes, and of that only who may open its file. */
const comesFromThisMachine = ({ socket }: IncomingMessage): boolean =>
  isLoopback(socket.remoteAddress ?? '') || cameByUnixSocket(socket);
