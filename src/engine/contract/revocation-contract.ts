import type { RevocationChanges } from '../revocations.js';
import { type CreateEngine, type EngineUnderTest, uniqueName } from './engine-under-test.js';

/** A copy that remembers what it was told. */
export class RecordedReplica implements RevocationChanges {
  readonly blocked = new Set<string>();
  readonly tokens = new Map<string, number>();
  readonly users = new Map<string, readonly [issuedBefore: number, untilMs: number]>();

  async block(user: string): Promise<void> {
    this.blocked.add(user);
  }

  async unblock(user: string): Promise<boolean> {
    return this.blocked.delete(user);
  }

  async revokeJti(jti: string, untilMs: number): Promise<void> {
    this.tokens.set(jti, untilMs);
  }

  async revokeUser(user: string, issuedBefore: number, untilMs: number): Promise<void> {
    this.users.set(user, [issuedBefore, untilMs]);
  }
}

/** What holds for the blocks and revocations of every engine. */
export function describeRevocations(create: CreateEngine): void {
  let test: EngineUnderTest;
  let replica: RecordedReplica;
  const later = Date.now() + 600_000;

  beforeEach(async () => {
    test = await create({ history: [], recoveryWindowMs: 1_000 });
    replica = new RecordedReplica();
    test.engine.revocations.replicateTo(replica, () => undefined);
  });
  afterEach(() => test.close());

  it('[A6] a change is in the replica of its node when it is made', async () => {
    const { revocations } = test.engine;
    const [user, other, jti, forever] = ['u-', 'u-', 'j-', 'j-'].map(uniqueName) as [
      string,
      string,
      string,
      string,
    ];
    await revocations.block(user);
    expect(replica.blocked.has(user)).toBe(true);
    await revocations.revokeJti(jti, later);
    await revocations.revokeJti(forever, Infinity);
    expect([replica.tokens.get(jti), replica.tokens.get(forever)]).toEqual([later, Infinity]);
    await revocations.revokeUser(other, 100, later);
    expect(replica.users.get(other)).toEqual([100, later]);
  });

  it('[A6] says of a block whether there was one to take back', async () => {
    const { revocations } = test.engine;
    const user = uniqueName('u-');
    await revocations.block(user);
    expect(await revocations.unblock(user)).toBe(true);
    expect(replica.blocked.has(user)).toBe(false);
    expect(await revocations.unblock(user)).toBe(false);
  });

  it('[A8] a change holds here in the turn in which it is asked for', async () => {
    const { revocations } = test.engine;
    const [user, jti] = [uniqueName('u-'), uniqueName('j-')];
    const made = Promise.all([revocations.block(user), revocations.revokeJti(jti, later)]);
    expect([replica.blocked.has(user), replica.tokens.get(jti)]).toEqual([true, later]);
    await made;
  });
}
