import { Injectable } from '@nestjs/common';
import { assertDeliverable } from '../protocol/json.js';
import type { Publication } from '../protocol/publication.js';
import { assertEvent, publicationOf } from './accept.js';
import { assertAckTimeout } from './ack-timeout.js';
import { Broadcaster } from './broadcaster.js';
import type { Acknowledged, Published, PublishRequest } from './publish-request.js';
import { Publisher } from './publisher.js';

/** The broadcaster of a gateway in this process: local sockets have a publication before the call returns. [D2] */
@Injectable()
export class LocalBroadcaster extends Broadcaster {
  constructor(private readonly publisher: Publisher) {
    super();
  }

  async publish(request: PublishRequest): Promise<Published> {
    const publication = this.accept(request);
    const { matched, remote } = this.publisher.send(publication);
    return { id: publication.id, matched: remote ? matched + (await remote).matched : matched };
  }

  async publishWithAck(request: PublishRequest, timeoutMs: number): Promise<Acknowledged> {
    assertAckTimeout(timeoutMs);
    const publication = this.accept(request);
    return { id: publication.id, ...(await this.publisher.sendWithAck(publication, timeoutMs)) };
  }

  /** Refuses what must not go out, before anything is sent. */
  private accept(request: PublishRequest): Publication {
    assertEvent(request.event);
    assertDeliverable(request.args);
    return publicationOf(request, this.publisher.nextId());
  }
}
