import { Inject, Injectable } from '@nestjs/common';
import type { IncomingMessage } from 'node:http';
import type { SwitchboardConfig } from '../config/config.js';
import { SWITCHBOARD_CONFIG } from '../config/config.token.js';
import type { ApiKeyScope } from '../config/credentials.js';
import { SwitchboardError } from '../protocol/errors.js';
import { assertScope, OPEN_ACTOR, type Actor } from './actor.js';
import { ApiKeyRing } from './api-keys.js';
import { RefusedKeys } from './refused-keys.js';

/** What is looked at in a request; once it is let in it knows its actor. */
export interface KeyedRequest extends Partial<Pick<IncomingMessage, 'method' | 'url' | 'socket'>> {
  readonly headers: { readonly authorization?: string };
  actor?: Actor;
}

/** Lets backends in by API key. In open mode everyone is in. [A4] */
@Injectable()
export class ApiAccess {
  private readonly keys: ApiKeyRing<ApiKeyScope>;

  constructor(
    @Inject(SWITCHBOARD_CONFIG) private readonly config: SwitchboardConfig,
    private readonly refusals: RefusedKeys,
  ) {
    this.keys = new ApiKeyRing(config.apiKeys);
  }

  /**
   * Names the actor of a request, from its headers alone; asked again, it only looks at the scope.
   *
   * @param scope `undefined` when any key will do
   * @throws SwitchboardError `auth.key_invalid`, `access.denied`
   */
  admit(request: KeyedRequest, scope: ApiKeyScope | undefined): void {
    let actor = request.actor;
    try {
      actor ??= this.actorOf(request.headers.authorization);
      if (scope !== undefined) assertScope(actor, scope);
    } catch (failure) {
      if (failure instanceof SwitchboardError) {
        this.refusals.refused(request, failure, actor?.kind === 'key' ? actor.name : undefined);
      }
      throw failure;
    }
    request.actor = actor;
  }

  /** @throws SwitchboardError `auth.key_invalid` */
  actorOf(authorization: string | undefined): Actor {
    if (this.config.mode === 'open') return OPEN_ACTOR;
    const holder = this.keys.authenticate(authorization);
    if (!holder) throw new SwitchboardError('auth.key_invalid');
    return holder;
  }
}
