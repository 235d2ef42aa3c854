/** Compares what is with what has to be, once nothing happens any longer. */

/** A machine without CPU for nodes has none for Redis either. */
const REDIS_TROUBLE = ['cutRedis', 'pauseRedis', 'loseRedis', 'starved'];
const NODE_TROUBLE = ['killNode', 'hangNode', 'pauseNode'];
/** Before and after a moment: trouble takes time to be noticed, and to be over. */
const AROUND_MS = 8_000;
const PAGE = 1_000;

/**
 * Sums up what came over all clients.
 *
 * What one publisher sent through one node has to be in order always. What it sent through one node after the other, or
 * as a client that moved, has to be as well, unless a node could not hear of what the others published: it then gives
 * its own what it published itself.
 */
export function auditDelivery(clients, faults) {
  const totals = { lost: 0, doubled: 0, reordered: 0, acrossNodes: 0, received: 0, due: 0 };
  const examples = [];
  for (const { index, receipts } of clients) {
    for (const [name, each] of receipts) {
      totals.received += each.got.length;
      const found = each.audit();
      totals.due += found.due;
      const { endedAt } = each.stream;
      const isTroubled = (number) =>
        faults.wereThere(endedAt[number] - AROUND_MS, endedAt[number] + AROUND_MS, [
          ...REDIS_TROUBLE,
          ...NODE_TROUBLE,
        ]);
      found.reordered.push(...found.acrossNodes.filter((number) => !isTroubled(number)));
      for (const [kind, numbers] of Object.entries(found)) {
        if (kind === 'due') continue;
        totals[kind] += numbers.length;
        if (kind === 'acrossNodes') continue;
        if (numbers.length > 0 && examples.length < 20) {
          examples.push(
            `client ${index} in ${name}: ${kind} ${numbers.slice(0, 8).join(' ')} (${numbers.length})`,
          );
        }
      }
    }
  }
  return { totals, examples };
}

/**
 * Whether a client that was told that it missed something had to be: shared state was lost, or could not be asked when its
 * session began or was wanted back, or it was away for longer than sessions are kept.
 */
export function isExplained({ since, from, to }, faults, windowMs) {
  return (
    to - from >= windowMs ||
    faults.wereThere(since - AROUND_MS, to, ['loseRedis']) ||
    faults.wereThere(since - AROUND_MS, since + AROUND_MS, REDIS_TROUBLE) ||
    faults.wereThere(from - AROUND_MS, to, REDIS_TROUBLE) ||
    // A node that hangs or dies in the middle of letting somebody in.
    faults.wereThere(since - AROUND_MS, since + AROUND_MS / 4, NODE_TROUBLE)
  );
}

async function all(url, path) {
  const items = [];
  let cursor = '';
  do {
    const separator = path.includes('?') ? '&' : '?';
    const response = await fetch(
      `${url}${path}${separator}limit=${PAGE}${cursor && `&cursor=${encodeURIComponent(cursor)}`}`,
    );
    const page = await response.json();
    if (!response.ok) return [`${response.status} ${page.code}`];
    items.push(...page.items);
    cursor = page.next;
  } while (cursor);
  return items;
}

/**
 * Whether those who watch rooms take those for present who are; empty when they do.
 *
 * Whoever left while it was away, and whose session was lost, is held until the window is over, and once more from when
 * Redis lost everything in between.
 */
export function presenceDifferences(clients, faults, holdMs) {
  const now = performance.now();
  const usersIn = new Map();
  const mayBeHeld = new Map();
  const losses = faults.log.filter(({ kind }) => kind === 'loseRedis');
  const heldUntil = (when) =>
    losses.reduce(
      (until, { from, to = now }) => (from >= when && from < until ? to + holdMs : until),
      when + holdMs,
    );
  const add = (sets, room, user) => sets.set(room, (sets.get(room) ?? new Set()).add(user));
  // Nobody could be told while Redis had lost everything, so the others know no more than that it is not there.
  const wasLost = (when) =>
    losses.some(({ from, to = now }) => when > from - AROUND_MS / 4 && when < to + AROUND_MS);
  for (const { user, rooms, departures, leaves } of clients) {
    for (const room of rooms) add(usersIn, room, user);
    for (const [room, when] of leaves) {
      if (wasLost(when) && now < heldUntil(when) + AROUND_MS) add(mayBeHeld, room, user);
    }
    for (const [room, when] of departures) if (now < heldUntil(when)) add(mayBeHeld, room, user);
  }
  const differences = [];
  let lists = 0;
  for (const client of clients) {
    for (const [room, { users, isListed }] of client.lists) {
      lists++;
      const should = usersIn.get(room) ?? new Set();
      const held = mayBeHeld.get(room) ?? new Set();
      const missing = [...should].filter((user) => !users.has(user));
      const more = [...users].filter((user) => !should.has(user) && !held.has(user));
      if (isListed && missing.length + more.length === 0) continue;
      differences.push(
        `client ${client.index} (${client.socketId}) in ${room}: ${isListed ? '' : 'no list; '}too many: ${more.join(' ')}; missing: ${missing.join(' ')}`,
      );
    }
  }
  return { differences, lists };
}

const sorted = (lines) => [...lines].toSorted().join('\n');

/** What one node says of sockets, users, rooms and members, and what it should; empty when these are the same. */
export async function registryDifferences(url, clients) {
  const byRoom = new Map();
  for (const { user, rooms } of clients) {
    for (const room of rooms) {
      const users = byRoom.get(room) ?? new Map();
      byRoom.set(room, users.set(user, (users.get(user) ?? 0) + 1));
    }
  }
  const byUser = new Map();
  for (const { user } of clients) byUser.set(user, (byUser.get(user) ?? 0) + 1);
  const compared = [];
  const compare = (what, is, should) => {
    if (sorted(is) === sorted(should)) return;
    const [one, other] = [new Set(is), new Set(should)];
    const more = [...one].filter((line) => !other.has(line)).slice(0, 3);
    const less = [...other].filter((line) => !one.has(line)).slice(0, 3);
    compared.push(
      `${what}: ${is.length} instead of ${should.length}; too many: ${more.join(', ')}; missing: ${less.join(', ')}`,
    );
  };
  compare(
    'sockets',
    (await all(url, '/v1/sockets')).map(
      ({ socketId, user, rooms }) => `${socketId} ${user} ${rooms?.toSorted()}`,
    ),
    clients.map(({ socketId, user, rooms }) => `${socketId} ${user} ${[...rooms].toSorted()}`),
  );
  compare(
    'users',
    (await all(url, '/v1/users')).map(({ user, sockets }) => `${user} ${sockets}`),
    [...byUser].map(([user, count]) => `${user} ${count}`),
  );
  compare(
    'rooms',
    (await all(url, '/v1/rooms')).map(({ room, sockets, users }) => `${room} ${sockets} ${users}`),
    [...byRoom].map(
      ([room, users]) =>
        `${room} ${[...users.values()].reduce((sum, count) => sum + count, 0)} ${users.size}`,
    ),
  );
  for (const [room, users] of byRoom) {
    compare(
      `members of ${room}`,
      (await all(url, `/v1/rooms/${room}/members`)).map(({ user, sockets }) => `${user} ${sockets}`),
      [...users].map(([user, count]) => `${user} ${count}`),
    );
  }
  return compared;
}
