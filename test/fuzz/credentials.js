/** Tokens and keys of a gateway in secured mode: right ones, and every way we know to get them wrong. */
import { createHash, createHmac } from 'node:crypto';
import { mutate, oddName } from './values.js';

export const JWT_SECRET = 'a secret that only the fuzzer and its gateway know';
export const API_KEY = 'sb_fuzz_0123456789abcdef0123456789abcdef';

const API_KEY_HASH = createHash('sha256').update(API_KEY).digest('hex');

/** The environment of a gateway in secured mode. */
export const SECURED = {
  SWITCHBOARD_JWT_SECRET: JWT_SECRET,
  SWITCHBOARD_API_KEYS: `fuzz:${API_KEY_HASH}:read+emit+manage+metrics`,
};

const EVERYTHING = [{ room: '*', allow: ['join', 'emit', 'presence', 'history'] }];
const part = (value) =>
  Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url');

/** A JWT of these claims. */
export function sign(claims, { secret = JWT_SECRET, header = { alg: 'HS256' } } = {}) {
  const signed = `${part(header)}.${part(claims)}`;
  return `${signed}.${createHmac('sha256', secret).update(signed).digest('base64url')}`;
}

export const tokenOf = (user) => sign({ sub: user, caps: EVERYTHING });

const inSeconds = (seconds) => Math.floor(Date.now() / 1000) + seconds;

const WRONG = [
  (_, user) => sign({ sub: user, caps: EVERYTHING }, { secret: 'another' }),
  (_, user) => sign({ sub: user, exp: inSeconds(-60) }),
  (_, user) => sign({ sub: user, nbf: inSeconds(30) }),
  (_, user) => sign({ sub: user, exp: inSeconds(1), caps: EVERYTHING }),
  (_, user) => `${part({ alg: 'none' })}.${part({ sub: user })}.`,
  (_, user) => sign({ sub: user }, { header: { alg: 'RS256' } }),
  (_, user) => sign({ sub: user }, { header: { alg: 'HS256', crit: ['x'], kid: '../../x' } }),
  (random, user) => mutate(random, tokenOf(user)),
  (random) => sign({ sub: oddName(random), caps: EVERYTHING }),
  (random, user) =>
    sign({ sub: user, caps: random.pick([null, 1, {}, [1], [{ room: 1 }], [{ allow: 'join' }]]) }),
  () => sign('null'),
  () => sign('{"__proto__":{"sub":"x"}}'),
  () => sign({ sub: {} }),
  () => 'e30.e30.e30',
  () => 'a'.repeat(9_000),
  () => '',
];

/** A token for this user, most often a right one. */
export const tokenText = (random, user) =>
  random.chance(0.75) ? tokenOf(user) : random.pick(WRONG)(random, user);

/** A room token, most often a right one. */
export const roomTokenText = (random, user, room) =>
  random.chance(0.6)
    ? sign({ sub: user, room, allow: ['join', 'emit', 'presence', 'history'], jti: `t${random.int(0, 9)}` })
    : tokenText(random, user);

/** The value of an `Authorization` header, most often a right one; `undefined` for none. */
export const authorizationText = (random) =>
  random.weighted([
    [8, `Bearer ${API_KEY}`],
    [1, undefined],
    [
      1,
      random.pick([
        'Bearer ',
        'Bearer x',
        `Bearer ${API_KEY}x`,
        `Basic ${API_KEY}`,
        `bearer  ${API_KEY}`,
        `Bearer ${'k'.repeat(7_000)}`,
        'Bearer \u00ff',
      ]),
    ],
  ]);
