import { Injectable } from '@nestjs/common';
import type { Publication } from '../../protocol/publication.js';
import { NodeIdentity } from '../node-identity.js';
import { Engine, type EngineHealth, type EngineNode } from '../engine.js';

/**
 * The embedded engine: one node, whose memory is the shared state.
 *
 * There is no other node to hand a publication to, so publishing is complete once the caller has delivered locally.
 */
@Injectable()
export class MemoryEngine extends Engine {
  readonly kind = 'memory';
  private started = false;

  constructor(private readonly node: NodeIdentity) {
    super();
  }

  async start(): Promise<void> {
    this.started = true;
  }

  async stop(): Promise<void> {
    this.started = false;
  }

  health(): EngineHealth {
    return this.started ? { state: 'ready' } : { state: 'starting' };
  }

  async publish(_publication: Publication): Promise<void> {}

  async nodes(localSockets: number): Promise<EngineNode[]> {
    return [
      {
        node: this.node.id,
        sockets: localSockets,
        startedAt: this.node.startedAt.toISOString(),
        leaseExpiresInMs: null,
      },
    ];
  }
}
