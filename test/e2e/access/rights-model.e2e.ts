import fc from 'fast-check';
import { startGateway, type TestClient, type TestGateway } from 'switchboard-gateway/testing';
import { createApiKey } from '../../../src/access/api-keys.js';
import { SwitchboardError } from '../../../src/protocol/errors.js';
import { arrivedAt } from '../../support/arrivals.js';
import type { How } from '../../support/client-matrix.js';
import { ACTIONS, RightsModel, type Cap, type Join } from '../../support/rights-model.js';
import { SECRET, sign } from '../../support/tokens.js';

const SCOPES = ['read', 'emit', 'manage'] as const;
type Scope = (typeof SCOPES)[number];
const KEYS = {
  read: createApiKey('r', ['read']),
  emit: createApiKey('e', ['emit']),
  manage: createApiKey('m', ['manage']),
};

const WHO: readonly { user: string; how: How }[] = [
  { user: 'ada', how: { version: 4, transport: 'websocket' } },
  { user: 'ada', how: { version: 2, transport: 'websocket' } },
  { user: 'bob', how: { version: 3, transport: 'websocket' } },
  { user: '*', how: { version: 4, transport: 'websocket' } },
];

const user = fc.constantFrom('ada', 'bob', '*');
const room = fc.constantFrom('a:1', 'a:1', 'a:2', 'b', 'inbox:ada', 'inbox:bob', 'user:ada', 'user:bob');
/** Most say much, so that something happens; what they leave out is what matters. */
const allow = fc.oneof(
  fc.subarray([...ACTIONS]),
  fc.subarray([...ACTIONS], { minLength: 2 }),
  fc.subarray([...ACTIONS], { minLength: 3 }),
);
const pattern = fc.constantFrom('a:*', 'a:1', 'a', 'b', '*', 'inbox:{user}', 'user:*', '{user}*', 'inbox:*');
const caps: fc.Arbitrary<Cap[]> = fc.array(fc.record({ room: pattern, allow }), {
  minLength: 1,
  maxLength: 3,
});
/** At times there is one: its probability is 1 in `freq`. */
const sometimes = <T>(arbitrary: fc.Arbitrary<T>, freq = 4) =>
  fc.oneof({ weight: 1, arbitrary }, { weight: freq - 1, arbitrary: fc.constant(undefined) });
const who = fc.nat(WHO.length - 1);
const flag = sometimes(fc.constant(true)).map((value) => value === true);
/** Of another user or for another room at times. */
const roomToken = fc.record({ sub: sometimes(user), room: sometimes(room), allow });

const kind = <const Kind extends string>(name: Kind) => fc.constant(name);
const step = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      kind: kind('join'),
      who,
      request: fc.record({ room, since: flag, meta: flag, presence: flag }),
      token: sometimes(roomToken),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: kind('leave'), who, room }) },
  { weight: 4, arbitrary: fc.record({ kind: kind('emit'), who, room }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constantFrom('members', 'history'), who, room }) },
  { weight: 2, arbitrary: fc.record({ kind: kind('refresh'), who, user: sometimes(user), caps }) },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constantFrom('api-emit', 'api-join', 'api-leave', 'api-history'),
      key: fc.constantFrom(...SCOPES),
      user,
      room,
    }),
  },
);
type Step = typeof step extends fc.Arbitrary<infer Value> ? Value : never;

/** A client, what the rules say of it, and what it must have got. */
interface Party {
  readonly client: TestClient;
  readonly model: RightsModel;
  readonly expected: number[];
  noticesSeen: number;
}

let gateway: TestGateway;
let lastNumber = 0;

beforeAll(async () => {
  gateway = await startGateway({
    jwtSecret: SECRET,
    apiKeys: Object.values(KEYS)
      .map(({ entry }) => entry)
      .join(),
    history: '*=20/1h',
    eventsPerSecond: 100_000,
    eventsBurst: 100_000,
  });
});
afterAll(async () => {
  await gateway?.close();
});

const connect = async (index: number, given: readonly Cap[]): Promise<Party> => {
  const { user: sub, how } = WHO[index]!;
  const client = await gateway.connect({ ...how, auth: { token: await sign({ sub, caps: given }) } });
  return { client, model: new RightsModel(sub, given), expected: [], noticesSeen: 0 };
};

/** What the rules say becomes of it: `ok` or a code. */
function outcome(ofModel: () => void): string {
  try {
    ofModel();
    return 'ok';
  } catch (failure) {
    if (failure instanceof SwitchboardError) return failure.code;
    throw failure;
  }
}

const ask = async ({ client }: Party, event: string, payload: object): Promise<string> => {
  const { ok, error } = await client.request(event, payload);
  return ok ? 'ok' : error!.code;
};

async function joinRequest({ room: name, since, meta, presence, token }: Join): Promise<object> {
  return {
    room: name,
    ...(since && { since: { epoch: 'none', offset: 0 } }),
    ...(meta && { meta }),
    ...(presence && { presence }),
    ...(token && { token: await sign({ ...token }) }),
  };
}

/** Carries out one step on the gateway and on the models; gives what each made of it. */
async function take(each: Step, parties: readonly Party[]): Promise<{ did: string; should: string }> {
  if ('key' in each) return takeAsBackend(each, parties);
  const party = parties[each.who]!;
  const { model } = party;
  switch (each.kind) {
    case 'join': {
      const { room: name } = each.request;
      const token = each.token && {
        ...each.token,
        sub: each.token.sub ?? model.user,
        room: each.token.room ?? name,
      };
      const request: Join = { ...each.request, token };
      const should = outcome(() => model.join(request));
      return { did: await ask(party, 'room:join', await joinRequest(request)), should };
    }
    case 'leave':
      return {
        did: await ask(party, 'room:leave', { room: each.room }),
        should: outcome(() => model.leave(each.room)),
      };
    case 'emit': {
      const should = outcome(() => model.emit(each.room));
      const n = ++lastNumber;
      const others = parties.filter((other) => other !== party);
      if (should === 'ok') expectNumber(n, each.room, others);
      return { did: await ask(party, 'room:emit', { room: each.room, event: 'n', args: [n] }), should };
    }
    case 'refresh': {
      const { user: sub = model.user, caps: given } = each;
      const should = outcome(() => model.refresh(sub, given));
      return { did: await ask(party, 'auth:refresh', { token: await sign({ sub, caps: given }) }), should };
    }
    default: {
      const action = each.kind === 'members' ? 'presence' : 'history';
      return {
        did: await ask(party, `room:${each.kind}`, { room: each.room }),
        should: outcome(() => model.read(action, each.room)),
      };
    }
  }
}

const NEEDED = {
  'api-emit': 'emit',
  'api-join': 'manage',
  'api-leave': 'manage',
  'api-history': 'read',
} as const;

async function takeAsBackend(
  each: Extract<Step, { key: Scope }>,
  parties: readonly Party[],
): Promise<{ did: string; should: string }> {
  const { key, room: name } = each;
  const api = async (method: string, path: string, body?: object): Promise<string> => {
    const { status, body: answer } = await gateway.http(method, path, body, {
      authorization: `Bearer ${KEYS[key].key}`,
    });
    return status < 300 ? 'ok' : String(answer['code']);
  };
  const may = NEEDED[each.kind] === key;
  const path = `/v1/users/${encodeURIComponent(each.user)}/rooms/${encodeURIComponent(name)}`;
  const mayMove = may && !name.startsWith('user:');
  const moved = parties.filter(({ model }) => mayMove && model.user === each.user);
  switch (each.kind) {
    case 'api-emit': {
      const n = ++lastNumber;
      if (may) expectNumber(n, name, parties);
      const did = await api('POST', '/v1/emit', { to: { rooms: [name] }, event: 'n', data: n });
      return { did, should: may ? 'ok' : 'access.denied' };
    }
    case 'api-history': {
      const did = await api('GET', `/v1/rooms/${encodeURIComponent(name)}/history`);
      return { did, should: may ? 'ok' : 'access.denied' };
    }
    case 'api-join':
      for (const { model } of moved) model.put(name);
      return { did: await api('PUT', path), should: mayMove ? 'ok' : 'access.denied' };
    case 'api-leave':
      for (const { model } of moved) model.left(name);
      return { did: await api('DELETE', path), should: mayMove ? 'ok' : 'access.denied' };
  }
}

function expectNumber(n: number, name: string, parties: readonly Party[]): void {
  for (const { model, expected } of parties) if (model.isIn(name)) expected.push(n);
}

/** Everybody is where the rules put it, has got what was for it, and heard of rooms it watches only. */
async function compare(
  parties: readonly Party[],
  watchedBefore: readonly ReadonlySet<string>[],
): Promise<void> {
  const infos = await Promise.all(parties.map(({ client }) => client.request('socket:info')));
  for (const [index, party] of parties.entries()) {
    const { client, model, expected } = party;
    const { rooms } = infos[index] as unknown as { rooms: string[] };
    expect(new Set(rooms.filter((name) => !name.startsWith('user:')))).toEqual(new Set(model.rooms.keys()));
    expect(arrivedAt(client, 'n').map(([n]) => n)).toEqual(expected);
    const notices = arrivedAt(client, 'room:presence') as [{ room: string }][];
    const watched = new Set([...watchedBefore[index]!, ...model.watched]);
    for (const [notice] of notices.slice(party.noticesSeen)) expect(watched).toContain(notice.room);
    party.noticesSeen = notices.length;
  }
}

it('[A2] [A3] [A4] [M3] nobody does or gets what neither its token nor its key allows, and everybody all that they do', async () => {
  const run = async (given: readonly Cap[][], steps: readonly Step[]): Promise<void> => {
    const parties = await Promise.all(given.map((each, index) => connect(index, each)));
    try {
      for (const each of steps) {
        const watchedBefore = parties.map(({ model }) => new Set(model.watched));
        const { did, should } = await take(each, parties);
        expect({ ...each, became: did }).toEqual({ ...each, became: should });
        await compare(parties, watchedBefore);
      }
    } finally {
      for (const { client } of parties) client.close();
    }
  };
  const capsOfAll = fc.array(caps, { minLength: WHO.length, maxLength: WHO.length });
  await fc.assert(fc.asyncProperty(capsOfAll, fc.array(step, { minLength: 120, maxLength: 160 }), run), {
    numRuns: 8,
    endOnFailure: true,
  });
}, 120_000);
