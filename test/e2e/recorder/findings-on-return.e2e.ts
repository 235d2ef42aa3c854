/** Findings about returns, made for real, each beside something that looks alike and does not give it. [X2] */
import type { TestClient } from 'switchboard-gateway/testing';
import { CHROME, connect, examinedGateways, hasEnded, PHONE } from '../../support/examined-gateways.js';
import { explain, found, foundIn } from '../../support/explained.js';
import { cutOff } from '../../support/not-reading.js';

describe('findings of those who come back, or are there twice', () => {
  const { begin } = examinedGateways();

  it('[X2] rooms_not_rejoined: back without its room; not when it joins again', async () => {
    const gateway = await begin();
    const comeBack = async (user: string, joinsAgain: boolean): Promise<void> => {
      const client = await connect(gateway, user);
      await client.request('room:join', { room: 'lobby' });
      cutOff(client);
      await client.next('disconnect');
      client.socket.open();
      await client.next('connect');
      if (joinsAgain) await client.request('room:join', { room: 'lobby' });
    };
    await comeBack('forgets', false);
    await comeBack('joins', true);
    const finding = await foundIn(gateway, { user: 'forgets' }, 'rooms_not_rejoined');
    expect(finding).toMatchObject({ confidence: 'likely' });
    expect(finding.title).toContain('lobby');
    expect(found(await explain(gateway, { user: 'joins' }))).toEqual([]);
  });

  it('[X2] not_recovered: back after the window; not within it', async () => {
    const comeBack = async (recoveryWindowMs: number, pauseMs: number): Promise<string[]> => {
      const gateway = await begin({ recoveryWindowMs });
      const client = await connect(gateway, 'ada', undefined, { recovery: true });
      await client.request('room:join', { room: 'lobby' });
      await gateway.http('POST', '/v1/emit', { to: { rooms: ['lobby'] }, event: 'x' });
      await client.next('x');
      client.breakTransport();
      await hasEnded(gateway, 'ada');
      await new Promise((resolve) => setTimeout(resolve, pauseMs));
      client.socket.open();
      await client.next('connect');
      const answer = await explain(gateway, { user: 'ada' });
      expect(answer.episodes.at(-1)!.recovery).toEqual(
        pauseMs > 0 ? { outcome: 'not_recovered', why: 'window_over' } : { outcome: 'recovered', why: null },
      );
      return found(answer);
    };
    expect(await comeBack(50, 1_000)).toContain('not_recovered certain');
    expect(await comeBack(60_000, 0)).toEqual([]);
  });

  it('[X2] received_twice: two sockets of one page; not of two devices', async () => {
    const gateway = await begin();
    await Promise.all([connect(gateway, 'twin', CHROME), connect(gateway, 'twin', CHROME)]);
    await Promise.all([connect(gateway, 'two', CHROME), connect(gateway, 'two', PHONE)]);
    expect(found(await explain(gateway, { user: 'twin' }))).toEqual(['received_twice likely']);
    expect(found(await explain(gateway, { user: 'two' }))).toEqual([]);
  });

  it('[X2] taken_over: two pages, of which each that comes has the other kicked; not two that are kicked together', async () => {
    const gateway = await begin();
    const pair = async (user: string): Promise<TestClient[]> => [
      await connect(gateway, user, CHROME),
      await connect(gateway, user, CHROME),
    ];
    const back = async (client: TestClient): Promise<void> => {
      await client.next('disconnect');
      client.socket.open();
      await client.next('connect');
    };
    const pages = await pair('rival');
    for (let turn = 0; turn < 4; turn++) {
      const older = pages[turn % 2]!;
      await gateway.http('DELETE', `/v1/sockets/${older.id}?reconnect=true`);
      await back(older);
    }
    const together = await pair('peaceful');
    for (let turn = 0; turn < 4; turn++) {
      await gateway.http('DELETE', '/v1/users/peaceful/sockets?reconnect=true');
      await Promise.all(together.map(back));
    }
    expect((await foundIn(gateway, { user: 'rival' }, 'taken_over')).confidence).toBe('likely');
    await hasEnded(gateway, 'peaceful', 8);
    expect(found(await explain(gateway, { user: 'peaceful' })).join()).not.toContain('taken_over');
  });

  it('[X2] held_online: a connection broke and is waited for; not one that was closed on purpose', async () => {
    const gateway = await begin({ recoveryWindowMs: 60_000 });
    const broken = await connect(gateway, 'broken');
    const gone = await connect(gateway, 'gone');
    cutOff(broken);
    gone.socket.close();
    const finding = await foundIn(gateway, { user: 'broken' }, 'held_online');
    expect(finding.confidence).toBe('certain');
    await hasEnded(gateway, 'gone');
    expect(await explain(gateway, { user: 'gone' })).toMatchObject({ now: { online: false }, findings: [] });
  });
});
