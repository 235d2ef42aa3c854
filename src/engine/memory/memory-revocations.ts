import type { RevocationChanges, SharedRevocations } from '../revocations.js';

/** Blocks and revocations of the only node: its replica is all there is, and nobody else changes it. [A6] */
export class MemoryRevocations implements SharedRevocations {
  private replica: RevocationChanges | undefined;

  replicateTo(replica: RevocationChanges): void {
    this.replica = replica;
  }

  block(user: string): Promise<void> {
    return this.known.block(user);
  }

  unblock(user: string): Promise<boolean> {
    return this.known.unblock(user);
  }

  revokeJti(jti: string, untilMs: number): Promise<void> {
    return this.known.revokeJti(jti, untilMs);
  }

  revokeUser(user: string, issuedBefore: number, untilMs: number): Promise<void> {
    return this.known.revokeUser(user, issuedBefore, untilMs);
  }

  private get known(): RevocationChanges {
    if (!this.replica) throw new Error('revocations are changed before there is a replica of them');
    return this.replica;
  }
}
