import fc from 'fast-check';
import { RevocationList } from './revocation-list.js';

const NOW = 1_800_000_000_000;
const NOW_S = NOW / 1000;

describe('revocations', () => {
  let now = NOW;
  let revocations: RevocationList;
  beforeEach(() => {
    now = NOW;
    revocations = new RevocationList(() => now);
  });

  it('[A6] let everyone in at first', async () => {
    expect(revocations.checkNow({ user: '42', jti: 'a', issuedAt: NOW_S })).toBeUndefined();
  });

  it('[A6] shut a blocked user out with any token until it is unblocked', async () => {
    await revocations.block('42');
    await revocations.block('42');
    expect(revocations.checkNow({ user: '42', issuedAt: NOW_S + 1_000 })).toBe('auth.revoked');
    expect(revocations.checkNow({ user: '43' })).toBeUndefined();
    now += 1e12;
    expect(revocations.checkNow({ user: '42' })).toBe('auth.revoked');
    expect(await revocations.unblock('42')).toBe(true);
    expect(await revocations.unblock('42')).toBe(false);
    expect(revocations.checkNow({ user: '42' })).toBeUndefined();
  });

  it('[A6] revoke one token by its jti until it has expired by itself', async () => {
    await revocations.revokeJti('a', NOW + 1_000);
    expect(revocations.checkNow({ user: '42', jti: 'a' })).toBe('auth.revoked');
    expect(revocations.checkNow({ user: '42', jti: 'b' })).toBeUndefined();
    expect(revocations.checkNow({ user: '42' })).toBeUndefined();
    now += 999;
    expect(revocations.checkNow({ user: '42', jti: 'a' })).toBe('auth.revoked');
    now += 1;
    expect(revocations.checkNow({ user: '42', jti: 'a' })).toBeUndefined();
    expect(revocations.size).toBe(0);
  });

  it('[A6] revoke the tokens of a user that were issued before a time, and those that do not say', async () => {
    await revocations.revokeUser('42', NOW_S, NOW + 1_000);
    expect(revocations.checkNow({ user: '42', issuedAt: NOW_S - 1 })).toBe('auth.revoked');
    expect(revocations.checkNow({ user: '42' })).toBe('auth.revoked');
    expect(revocations.checkNow({ user: '42', issuedAt: NOW_S })).toBeUndefined();
    expect(revocations.checkNow({ user: '43', issuedAt: 0 })).toBeUndefined();
    now += 1_000;
    expect(revocations.checkNow({ user: '42', issuedAt: 0 })).toBeUndefined();
    expect(revocations.size).toBe(0);
  });

  it('[A6] are never weakened by a later, smaller one', async () => {
    await revocations.revokeJti('a', NOW + 1_000);
    await revocations.revokeJti('a', NOW + 1);
    await revocations.revokeUser('42', NOW_S, NOW + 1_000);
    await revocations.revokeUser('42', NOW_S - 100, NOW + 1);
    now += 500;
    expect(revocations.checkNow({ user: '1', jti: 'a' })).toBe('auth.revoked');
    expect(revocations.checkNow({ user: '42', issuedAt: NOW_S - 1 })).toBe('auth.revoked');
  });

  it('[A6] do not bring back one that is over when the same user is revoked again', async () => {
    await revocations.revokeUser('42', NOW_S, NOW + 1_000);
    now += 1_000;
    await revocations.revokeUser('42', NOW_S - 100, now + 1_000);
    expect(revocations.checkNow({ user: '42', issuedAt: NOW_S - 50 })).toBeUndefined();
    expect(revocations.checkNow({ user: '42', issuedAt: NOW_S - 101 })).toBe('auth.revoked');
  });

  it('[A6] last for good when tokens do not expire', async () => {
    await revocations.revokeJti('a', Infinity);
    now += 1e13;
    expect(revocations.checkNow({ user: '42', jti: 'a' })).toBe('auth.revoked');
  });

  it('[A6] are dropped when they are over, also when nobody asks for them again', async () => {
    for (let token = 0; token < 100_000; token++) {
      now += 10;
      await revocations.revokeJti(`t${token}`, now + 1_000); // at most 100 in force at a time
      if (token % 10 === 0) await revocations.revokeUser(`u${token}`, NOW_S, now + 1_000);
      expect(revocations.size).toBeLessThan(3_000);
    }
  });

  it('[A6] hold exactly those that are in force, whatever came in which order', async () => {
    const name = fc.constantFrom('a', 'b', 'c');
    const command = fc.oneof(
      fc.record({ do: fc.constant('jti' as const), name, lastsMs: fc.integer({ min: 0, max: 50 }) }),
      fc.record({ do: fc.constant('block' as const), name }),
      fc.record({ do: fc.constant('unblock' as const), name }),
      fc.record({ do: fc.constant('wait' as const), ms: fc.integer({ min: 0, max: 30 }) }),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(command, { maxLength: 40 }), async (commands) => {
        let time = NOW;
        const store = new RevocationList(() => time);
        const blocked = new Set<string>();
        const revoked: { jti: string; untilMs: number }[] = [];
        for (const each of commands) {
          if (each.do === 'wait') time += each.ms;
          else if (each.do === 'block') {
            blocked.add(each.name);
            await store.block(each.name);
          } else if (each.do === 'unblock') {
            expect(await store.unblock(each.name)).toBe(blocked.delete(each.name));
          } else {
            revoked.push({ jti: each.name, untilMs: time + each.lastsMs });
            await store.revokeJti(each.name, time + each.lastsMs);
          }
          for (const user of ['a', 'b', 'c']) {
            for (const jti of ['a', 'b', 'c']) {
              const isRevoked =
                blocked.has(user) || revoked.some((entry) => entry.jti === jti && entry.untilMs > time);
              expect(store.checkNow({ user, jti })).toBe(isRevoked ? 'auth.revoked' : undefined);
            }
          }
        }
      }),
    );
  });
});
