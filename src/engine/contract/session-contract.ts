import type { Publication, Target } from '../../protocol/publication.js';
import {
  SessionBusy,
  SessionNotWhole,
  type Claim,
  type ClaimRequest,
  type NewSession,
  type NotGiven,
  type SessionRoom,
} from '../sessions.js';
import {
  type CreateEngine,
  type EngineTraits,
  type EngineUnderTest,
  publicationTo,
  publishAndStamp,
  uniqueName,
} from './engine-under-test.js';

const roomOf = (room: string, more: Partial<SessionRoom> = {}): SessionRoom => ({
  room,
  meta: false,
  byRight: true,
  ...more,
});

/** What every engine does with sessions of clients that asked for recovery. [H4] */
export function describeSessions(create: CreateEngine, { lifeMs }: EngineTraits): void {
  let test: EngineUnderTest;
  let session: NewSession;
  let room: string;
  let kept: string;

  beforeEach(async () => {
    test = await create({
      history: [{ pattern: 'chat:*', size: 2, ttlMs: 3_600_000 }],
      recoveryWindowMs: lifeMs,
    });
    session = newSession();
    room = uniqueName('room-');
    kept = uniqueName('chat:');
    await test.engine.sessions.open(session);
  });

  afterEach(() => test.close());

  const newSession = (user = uniqueName('user-')): NewSession => ({
    sessionId: uniqueName('session-'),
    socketId: uniqueName('socket-'),
    user,
    namespace: '/',
    token: { jti: 'first' },
  });
  const publish = async (to: Target, more: Partial<Publication> = {}) => {
    const publication = publicationTo(to, more);
    const { cursor } = await publishAndStamp(test, publication);
    return { id: publication.id, cursor };
  };
  const join = (...rooms: string[]) =>
    Promise.all(rooms.map((each) => test.engine.sessions.joined(session.sessionId, roomOf(each))));
  const detach = () => test.engine.sessions.detach(session.sessionId);
  const claim = async (cursor?: string, more: Partial<ClaimRequest> = {}) =>
    test.engine.sessions.claim(session.sessionId, {
      user: session.user,
      namespace: session.namespace,
      cursor,
      ...more,
    });
  /** The IDs of what was missed, or nothing when the session was not given back. */
  const recover = async (cursor?: string): Promise<string[] | undefined> => {
    const missed = await (await claim(cursor))?.missed();
    return missed?.map(({ publication: { id } }) => id);
  };

  it('[H4] gets what it missed in its rooms, to its user, to its socket and to everyone, in order', async () => {
    await join(room, kept);
    const { cursor } = await publish({ rooms: [room] });
    await detach();
    const missed = [
      await publish({ rooms: [room] }),
      await publish({ users: [session.user] }),
      await publish({ sockets: [session.socketId] }),
      await publish({ all: true }),
      await publish({ rooms: [kept] }),
      await publish({ rooms: [`user:${session.user}`] }),
    ];
    await publish({ rooms: [uniqueName('room-')] });
    await publish({ users: [uniqueName('user-')] });
    await publish({ sockets: [uniqueName('socket-')] });
    // Names of sockets that nobody has: a room is not meant.
    await publish({ sockets: [room, kept, `user:${session.user}`] });
    await publish({});
    expect(await recover(cursor)).toEqual(missed.map(({ id }) => id));
  });

  it('[H4] gets a publication as it was published, with its cursor and its positions', async () => {
    await join(kept);
    await detach();
    const args = [{ deep: ['Grüße', null] }, Buffer.from([0, 255])];
    const publication = publicationTo({ rooms: [kept] }, { args, user: 'sender' });
    const stamp = await publishAndStamp(test, publication);
    const [missed] = (await (await claim())!.missed()) ?? [];
    expect(missed!.publication).toMatchObject({ id: publication.id, event: 'news', args, user: 'sender' });
    expect(missed!.stamp.cursor).toBe(stamp.cursor);
    expect([...(missed!.stamp.positions ?? [])]).toEqual([...(stamp.positions ?? [])]);
  });

  it('[H4] gets a publication once that reaches it in several ways', async () => {
    await join(room, kept);
    await detach();
    const { id } = await publish({
      rooms: [room, kept, room],
      users: [session.user],
      sockets: [session.socketId],
    });
    expect(await recover()).toEqual([id]);
  });

  it('[H4] without a cursor it missed everything since it began', async () => {
    await publish({ all: true });
    session = newSession();
    await test.engine.sessions.open(session);
    const missed = [await publish({ all: true }), await publish({ users: [session.user] })];
    await detach();
    expect(await recover()).toEqual(missed.map(({ id }) => id));
  });

  it('[H4] the cursor of the engine after what was published misses nothing', async () => {
    await publish({ all: true });
    const { cursor } = test.engine;
    await detach();
    const { id } = await publish({ all: true });
    expect(await recover(cursor)).toEqual([id]);
  });

  it('[H4] gets nothing that was published before it was in the room, or after it left', async () => {
    await publish({ rooms: [room] });
    await join(room);
    const inside = await publish({ rooms: [room] });
    const other = uniqueName('room-');
    await join(other);
    await publish({ rooms: [other] });
    await test.engine.sessions.left(session.sessionId, other);
    await publish({ rooms: [other] });
    await detach();
    expect(await recover()).toEqual([inside.id]);
  });

  it('[H4] a room that was left and joined again counts from the second time', async () => {
    await join(room);
    await publish({ rooms: [room] });
    await test.engine.sessions.left(session.sessionId, room);
    await publish({ rooms: [room] });
    await join(room);
    const { id } = await publish({ rooms: [room] });
    await detach();
    expect(await recover()).toEqual([id]);
  });

  it('[H4] being in a room in another way changes nothing of what was missed', async () => {
    await join(room);
    const { id } = await publish({ rooms: [room] });
    const changed = roomOf(room, { meta: true, byRight: false, grant: { allow: ['join'] } });
    await test.engine.sessions.joined(session.sessionId, changed);
    await detach();
    const given = await claim();
    expect(given?.rooms).toEqual([changed]);
    expect((await given!.missed()).map(({ publication }) => publication.id)).toEqual([id]);
  });

  it('[H4] keeps what its socket was let in with, and what replaced that', async () => {
    await detach();
    expect((await claim())?.token).toEqual({ jti: 'first' });
    await test.engine.sessions.close(session.sessionId);
    session = newSession();
    await test.engine.sessions.open(session);
    await test.engine.sessions.renewed(session.sessionId, { jti: 'second' });
    await detach();
    expect((await claim())?.token).toEqual({ jti: 'second' });
  });

  it('[D6] [H4] gets nothing again that asked for an acknowledgement', async () => {
    await join(room);
    const first = await publish({ rooms: [room] });
    await test.engine.publish(publicationTo({ rooms: [room] }), 1_000).remote;
    const last = await publish({ rooms: [room] });
    await detach();
    expect(await recover()).toEqual([first.id, last.id]);
  });

  it('[D1] [H4] gets nothing it was taken off of', async () => {
    await join(room);
    await detach();
    const missed = [
      await publish(
        { all: true },
        { except: { rooms: [uniqueName('room-')], users: ['other'], sockets: ['x', room] } },
      ),
    ];
    await publish({ all: true }, { except: { rooms: [room] } });
    await publish({ all: true }, { except: { rooms: [`user:${session.user}`] } });
    await publish({ all: true }, { except: { users: [session.user] } });
    await publish({ rooms: [room] }, { except: { sockets: [session.socketId] } });
    missed.push(await publish({ rooms: [room] }));
    expect(await recover()).toEqual(missed.map(({ id }) => id));
  });

  it('[D1] [H4] a room that it joined later took nothing off', async () => {
    const { id } = await publish({ all: true }, { except: { rooms: [room] } });
    await join(room);
    await publish({ all: true }, { except: { rooms: [room] } });
    await detach();
    expect(await recover()).toEqual([id]);
  });

  it('[D1] [H4] a room that it has left since took off what was published while it was in it', async () => {
    const { sessions } = test.engine;
    const exceptRoom = () => publish({ all: true }, { except: { rooms: [room] } });
    const missed = [await exceptRoom()];
    for (let stay = 0; stay < 2; stay++) {
      await join(room);
      await exceptRoom();
      await sessions.left(session.sessionId, room);
      missed.push(await exceptRoom());
    }
    await detach();
    expect(await recover()).toEqual(missed.map(({ id }) => id));
  });

  it('[D1] [H4] a room that it was taken out of while it was away took off what was published until then', async () => {
    await join(room);
    await detach();
    await publish({ all: true }, { except: { rooms: [room] } });
    await test.engine.sessions.leaveOf({ user: session.user }, room);
    const { id } = await publish({ all: true }, { except: { rooms: [room] } });
    expect(await recover()).toEqual([id]);
  });

  /** Hundreds of changes may take longer than a recovery window of the others does. */
  const openForLonger = async (): Promise<void> => {
    await test.close();
    test = await create({ history: [], recoveryWindowMs: 60_000 });
    await test.engine.sessions.open(session);
  };

  /** The session joins and leaves a room more often than is remembered. */
  const comeAndGo = async (): Promise<void> => {
    for (let stay = 0; stay < 257; stay++) {
      await join(room);
      await publish({ sockets: [session.socketId] });
      await test.engine.sessions.left(session.sessionId, room);
    }
    await detach();
  };

  it('[D1] [H4] is not given back where nobody knows any longer which rooms it was in', async () => {
    await openForLonger();
    await publish({ all: true }, { except: { rooms: [room] } });
    await comeAndGo();
    // One engine knows it at the claim, the other when it reads what was missed.
    const missed = async () => (await claim())?.missed();
    const given = await missed().catch((failure: unknown) => failure);
    expect(given === undefined || given instanceof SessionNotWhole).toBe(true);
    expect(await claim()).toBeUndefined();
  });

  it('[D1] [H4] gets all where nothing took off a room, however often it has left one', async () => {
    await openForLonger();
    await publish({ all: true }, { except: { users: ['other'] } });
    await comeAndGo();
    expect(await recover()).toHaveLength(258);
  });

  it('[H4] gets nothing of another namespace, and nothing volatile', async () => {
    await detach();
    await publish({ all: true }, { namespace: '/other' });
    await publish({ all: true }, { volatile: true });
    const { id } = await publish({ all: true }, { namespace: '/' });
    expect(await recover()).toEqual([id]);
  });

  it('[H4] gets what its room no longer shows in its history', async () => {
    await join(kept);
    await detach();
    const missed: string[] = [];
    for (let index = 0; index < 5; index++) missed.push((await publish({ rooms: [kept] })).id);
    expect(await recover()).toEqual(missed);
  });

  it('[H4] is not given back when something it missed is no longer kept', async () => {
    await join(kept);
    await detach();
    await publish({ rooms: [kept] });
    await test.engine.history.drop(kept);
    await publish({ rooms: [kept] });
    expect(await claim()).toBeUndefined();
    // And it has ended, for whatever else is tried.
    expect(await claim(test.engine.cursor)).toBeUndefined();
  });

  it('[H4] comes back with its socket ID and its rooms', async () => {
    const grant = { allow: ['join'] };
    const rooms = [roomOf(room, { meta: true, byRight: false, grant }), roomOf(kept, { meta: true })];
    for (const each of rooms) await test.engine.sessions.joined(session.sessionId, each);
    await detach();
    const given = await claim();
    expect(given?.socketId).toBe(session.socketId);
    expect([...(given?.rooms ?? [])].sort((one, other) => one.room.localeCompare(other.room))).toEqual(
      [...rooms].sort((one, other) => one.room.localeCompare(other.room)),
    );
  });

  it('[H4] is given back to its own user and namespace only, and not used up by others', async () => {
    await detach();
    expect(await claim(undefined, { user: 'mallory' })).toBeUndefined();
    expect(await claim(undefined, { namespace: '/other' })).toBeUndefined();
    const unknown = { user: session.user, namespace: '/', cursor: undefined };
    expect(await test.engine.sessions.claim(uniqueName('session-'), unknown)).toBeUndefined();
    expect(await recover()).toEqual([]);
  });

  it('[X1] tells why it is not given back', async () => {
    const reasons: (NotGiven | 'given')[] = [];
    const attempt = async (cursor?: string, more: Partial<ClaimRequest> = {}) => {
      const given = await claim(cursor, { notGiven: (why) => reasons.push(why), ...more });
      if (given) reasons.push('given');
      return given;
    };
    await detach();
    await attempt(undefined, { user: 'mallory' });
    await attempt(undefined, { namespace: '/other' });
    await attempt('made up');
    (await attempt())!.release();
    await test.engine.sessions.close(session.sessionId);
    await attempt();
    session = newSession();
    await test.engine.sessions.open(session);
    await join(kept);
    await detach();
    await publish({ rooms: [kept] });
    await test.engine.history.drop(kept);
    await publish({ rooms: [kept] });
    await attempt();
    expect(reasons).toEqual([
      'other_user',
      'other_namespace',
      'foreign_cursor',
      'given',
      'unknown_session',
      'log_trimmed',
    ]);
  });

  it('[X1] tells of what it missed that a part has gone since it was claimed', async () => {
    await join(kept);
    await detach();
    await publish({ rooms: [kept] });
    const given = await claim();
    await test.engine.history.drop(kept);
    await publish({ rooms: [kept] });
    await expect(Promise.resolve().then(() => given!.missed())).rejects.toMatchObject({ why: 'log_trimmed' });
  });

  it('[H4] is not given back for a cursor that it cannot have got', async () => {
    const before = await publish({ all: true });
    await detach();
    for (const cursor of ['', 'x', `${before.cursor}zzzzzz`, `!${before.cursor}`, '0', '-1']) {
      expect([cursor, await claim(cursor)]).toEqual([cursor, undefined]);
    }
  });

  it('[H4] with a cursor from before it began, which its client still has, it missed everything since', async () => {
    const before = await publish({ all: true });
    await publish({ all: true });
    session = newSession();
    await test.engine.sessions.open(session);
    await detach();
    const { id } = await publish({ all: true });
    expect(await recover(before.cursor)).toEqual([id]);
  });

  it('[H4] is given to one client only; the others may try again', async () => {
    await detach();
    const claims = await Promise.allSettled([claim(), claim(), claim()]);
    const given = claims.flatMap((each) => (each.status === 'fulfilled' ? [each.value] : []));
    expect(given).toEqual([expect.anything()]);
    for (const each of claims) {
      if (each.status === 'rejected') expect(each.reason).toBeInstanceOf(SessionBusy);
    }
  });

  it('[H4] a claim that is released can be claimed again', async () => {
    await detach();
    const { id } = await publish({ all: true });
    const given = await claim();
    given!.release();
    expect(await recover()).toEqual([id]);
  });

  it('[H4] can be claimed within the window, and not after it', async () => {
    await detach();
    await test.advance(lifeMs / 2);
    const given = await claim();
    expect(given).toBeDefined();
    // What is left of its time goes on.
    given!.release();
    await test.advance(lifeMs * 0.75);
    expect(await claim()).toBeUndefined();
  });

  it('[H4] breaks and comes back again and again, from any cursor it got', async () => {
    await join(room);
    await detach();
    const first = await publish({ rooms: [room] });
    expect(await recover()).toEqual([first.id]);
    const live = await publish({ rooms: [room] });
    await detach();
    const second = await publish({ rooms: [room] });
    expect(await recover(live.cursor)).toEqual([second.id]);
    await detach();
    expect(await recover(first.cursor)).toEqual([live.id, second.id]);
    await detach();
    expect(await recover(second.cursor)).toEqual([]);
  });

  it('[H4] what is published between the claim and the catching up is missed too', async () => {
    await join(room, kept);
    await detach();
    const given = await claim();
    const { id } = await publish({ rooms: [room] });
    // A room the client may no longer be in is left before.
    await publish({ rooms: [kept] });
    await test.engine.sessions.left(session.sessionId, kept);
    expect((await given!.missed()).map(({ publication }) => publication.id)).toEqual([id]);
  });

  it('[H4] is taken over from a socket whose end was not noticed, whatever that one says on the way out', async () => {
    await join(room);
    const { cursor } = await publish({ rooms: [room] });
    const { id } = await publish({ rooms: [room] });
    const unowned: unknown[] = [];
    test.hooks.onTakeOver = () => {
      unowned.push(test.engine.sessions.left(session.sessionId, room), detach());
    };
    const given = await claim(cursor);
    await Promise.all(unowned);
    expect(test.hooks.takenOver).toEqual([session.socketId]);
    expect(given?.rooms.map((each) => each.room)).toEqual([room]);
    expect((await given!.missed()).map(({ publication }) => publication.id)).toEqual([id]);
    await detach();
    expect(await recover(cursor)).toEqual([id]);
  });

  it('[H4] takes nothing over when it is not given back', async () => {
    await claim(undefined, { user: 'mallory' });
    await claim('made up');
    expect(test.hooks.takenOver).toEqual([]);
  });

  it('[H4] a closed session cannot be claimed', async () => {
    await detach();
    await test.engine.sessions.close(session.sessionId);
    expect(await claim()).toBeUndefined();
  });

  /** Two more: of the same user, which is live, and of another one, which waits. */
  const openOthers = async (): Promise<{ live: NewSession; other: NewSession }> => {
    const { sessions } = test.engine;
    const [live, other] = [newSession(session.user), newSession()];
    for (const each of [live, other]) {
      await sessions.open(each);
      await sessions.joined(each.sessionId, roomOf(room));
    }
    await sessions.detach(other.sessionId);
    return { live, other };
  };
  /** The same as `recover`, and the rooms. */
  const comesBackWith = async (
    each: NewSession,
  ): Promise<{ rooms: string[]; missed: string[] | undefined } | undefined> => {
    session = each;
    const given = await claim();
    if (!given) return undefined;
    const missed = await given.missed();
    return {
      rooms: given.rooms.map((how) => how.room).toSorted(),
      missed: missed.map(({ publication }) => publication.id),
    };
  };
  const bySubject = [
    ['a user', ({ user }: NewSession) => ({ user })],
    ['a socket', ({ socketId }: NewSession) => ({ socketId })],
  ] as const;

  it('[A6] [H4] the sessions of a user end, those of others do not', async () => {
    const { live, other } = await openOthers();
    const waiting = session;
    await detach();
    await test.engine.sessions.closeOf({ user: waiting.user });
    await test.engine.sessions.detach(live.sessionId);
    expect(await comesBackWith(waiting)).toBeUndefined();
    expect(await comesBackWith(live)).toBeUndefined();
    expect(await comesBackWith(other)).toEqual({ rooms: [room], missed: [] });
  });

  it('[H4] the session of a socket ends, those of its user do not', async () => {
    const { live } = await openOthers();
    const waiting = session;
    await detach();
    await test.engine.sessions.closeOf({ socketId: waiting.socketId });
    expect(await comesBackWith(waiting)).toBeUndefined();
    expect(await comesBackWith(live)).toEqual({ rooms: [room], missed: [] });
  });

  it.each(bySubject)(
    '[H4] what %s is taken out of while it is away does not come back, nor what was published there',
    async (_, subjectOf) => {
      const { other } = await openOthers();
      const waiting = session;
      await join(room, kept);
      await detach();
      const before = await publish({ rooms: [room] });
      const both = await publish({ rooms: [room, kept] });
      await test.engine.sessions.leaveOf(subjectOf(waiting), room);
      const after = await publish({ rooms: [room] });
      expect(await comesBackWith(waiting)).toEqual({ rooms: [kept], missed: [both.id] });
      expect(await comesBackWith(other)).toEqual({
        rooms: [room],
        missed: [before, both, after].map(({ id }) => id),
      });
    },
  );

  it('[H4] a session whose connection breaks while its user is taken out of a room is out of it', async () => {
    await join(room, kept);
    await test.engine.sessions.leaveOf({ user: session.user }, room);
    await detach();
    await publish({ rooms: [room] });
    expect(await comesBackWith(session)).toEqual({ rooms: [kept], missed: [] });
  });

  /** What is missed is not given, and nobody gets the session any longer. */
  const expectEnded = async (given: Claim | undefined): Promise<void> => {
    const missed = async () => given!.missed();
    await expect(missed()).rejects.toMatchObject({ code: 'engine.unavailable' });
    expect(await claim()).toBeUndefined();
  };

  it.each(bySubject)('[H4] the session of %s ends also while it is being claimed', async (_, subjectOf) => {
    await detach();
    const given = await claim();
    await test.engine.sessions.closeOf(subjectOf(session));
    await expectEnded(given);
  });

  it.each(bySubject)(
    '[H4] a session that is claimed while %s is taken out of one of its rooms ends',
    async (_, subjectOf) => {
      await join(room);
      await detach();
      const given = await claim();
      // It is not in that one.
      await test.engine.sessions.leaveOf(subjectOf(session), kept);
      expect(await given!.missed()).toEqual([]);
      await detach();
      const again = await claim();
      await test.engine.sessions.leaveOf(subjectOf(session), room);
      await expectEnded(again);
    },
  );

  it('[H4] what is said of a session that is not there changes nothing', async () => {
    const { sessions } = test.engine;
    const unknown = uniqueName('session-');
    await sessions.joined(unknown, roomOf(room));
    await sessions.left(unknown, room);
    await sessions.left(session.sessionId, room);
    await sessions.detach(unknown);
    await sessions.close(unknown);
    for (const subject of [{ user: unknown }, { socketId: unknown }]) {
      await sessions.closeOf(subject);
      await sessions.leaveOf(subject, room);
    }
    await sessions.leaveOf({ user: session.user }, room);
    await detach();
    expect(await recover()).toEqual([]);
  });
}
