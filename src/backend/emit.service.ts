import { Injectable } from '@nestjs/common';
import type { Actor } from '../access/actor.js';
import { assertEvent, publicationOf } from '../delivery/accept.js';
import type { PublishedBy } from '../delivery/delivery-watch.js';
import type { EmitRequest } from '../delivery/publication-schemas.js';
import { Publisher } from '../delivery/publisher.js';
import type { Acknowledged, Published } from '../delivery/publish-request.js';
import type { RemoteOutcome } from '../engine/engine.js';
import type { Answer } from '../engine/log.js';
import { decodeArgument, decodeArguments, encodeUnchecked } from '../protocol/json.js';
import type { Publication } from '../protocol/publication.js';

/** Publishes what comes in as JSON: binary parts are decoded on the way in and encoded on the way out. [D3] */
@Injectable()
export class EmitService {
  constructor(private readonly publisher: Publisher) {}

  /**
   * With `ack` the answers of all targeted sockets, else the number of these: at once where there is no other node.
   * @param actor the side that asks; without one it is the app itself
   * @throws SwitchboardError `payload.invalid`, `event.reserved`, `engine.unavailable`
   */
  emit(request: EmitRequest, actor?: Actor): Answer<Published | Acknowledged> {
    const { to, except, event, volatile, ack } = request;
    const args = argumentsOf(request);
    assertEvent(event);
    const id = this.publisher.nextId();
    const publication = publicationOf({ to, except, event, args, volatile }, id);
    const by = publisherOf(actor);
    if (ack) return this.emitWithAck(publication, ack.timeoutMs, by);
    const { matched, remote } = this.publisher.send(publication, by);
    return remote ? withRemote(id, matched, remote) : { id, matched };
  }

  private async emitWithAck(
    publication: Publication,
    timeoutMs: number,
    by: PublishedBy | undefined,
  ): Promise<Acknowledged> {
    const { responses, missing } = await this.publisher.sendWithAck(publication, timeoutMs, by);
    return {
      id: publication.id,
      // What a client answered is as untrusted as what it sends.
      responses: responses.map((response) => ({ ...response, args: response.args.map(encodeUnchecked) })),
      missing,
    };
  }
}

const withRemote = async (
  id: string,
  matched: number,
  remote: Promise<RemoteOutcome>,
): Promise<Published> => ({ id, matched: matched + (await remote).matched });

const argumentsOf = (request: EmitRequest): readonly unknown[] =>
  'data' in request ? [decodeArgument(request.data, 'data')] : decodeArguments(request.args ?? [], 'args');

const publisherOf = (actor: Actor | undefined): PublishedBy | undefined =>
  actor?.kind === 'key' ? { kind: 'key', name: actor.name } : undefined;
