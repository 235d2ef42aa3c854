import { Injectable } from '@nestjs/common';
import { assertDeliverable, decodeBinary, encodeUnchecked } from '../protocol/json.js';
import { Broadcaster } from '../delivery/broadcaster.js';
import type { Published } from '../delivery/publish-request.js';
import type { EmitRequest } from '../delivery/publication-schemas.js';

/** What a publication over HTTP is answered with. */
export type EmitOutcome =
  | ({ readonly acknowledged: false } & Published)
  | {
      readonly acknowledged: true;
      readonly id: string;
      readonly responses: unknown[];
      readonly missing: unknown[];
    };

/** Publishes what comes in as JSON: binary parts are decoded on the way in and encoded on the way out. [D3] */
@Injectable()
export class EmitService {
  constructor(private readonly broadcaster: Broadcaster) {}

  async emit(request: EmitRequest): Promise<EmitOutcome> {
    const { to, except, event, volatile, ack } = request;
    const publication = { to, except, event, args: argumentsOf(request), volatile };
    if (!ack) return { acknowledged: false, ...(await this.broadcaster.publish(publication)) };
    const { id, responses, missing } = await this.broadcaster.publishWithAck(publication, ack.timeoutMs);
    return {
      acknowledged: true,
      id,
      // What a client answered is as untrusted as what it sends.
      responses: responses.map((response) => ({ ...response, args: response.args.map(encodeUnchecked) })),
      missing,
    };
  }
}

function argumentsOf(request: EmitRequest): unknown[] {
  const hasData = 'data' in request;
  const args = hasData ? [request.data] : (request.args ?? []);
  // Before the binary parts are decoded: that walk recurses.
  assertDeliverable(args, hasData ? 'data' : 'args');
  return args.map((arg, index) => decodeBinary(arg, hasData ? 'data' : `args.${index}`));
}
