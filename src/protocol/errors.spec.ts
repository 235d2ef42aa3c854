import { readFile } from 'node:fs/promises';
import { format, resolveConfig } from 'prettier';
import { renderErrorsPage } from './error-docs.js';
import { type ErrorCode, ERRORS, isErrorCode, SwitchboardError } from './errors.js';

const PAGE = new URL('../../docs/errors.md', import.meta.url).pathname;

/** What has been promised to clients. A code is added here when it is new, and never taken away or renamed. */
const PROMISED = [
  'auth.token_missing',
  'auth.token_invalid',
  'auth.token_expired',
  'auth.revoked',
  'auth.key_invalid',
  'access.denied',
  'origin.refused',
  'payload.invalid',
  'payload.too_large',
  'event.reserved',
  'event.unknown',
  'room.invalid',
  'room.not_joined',
  'socket.not_found',
  'history.disabled',
  'limit.rate',
  'limit.rooms',
  'limit.sockets',
  'idempotency.conflict',
  'kicked',
  'slow_consumer',
  'server.draining',
  'node.stalled',
  'engine.unavailable',
  'internal',
  'route.unknown',
  'request.refused',
  'namespace.unknown',
  'method.not_allowed',
  'payload.compressed',
  'explain.disabled',
  'gateway.unavailable',
  'handler.failed',
  'handler.timeout',
  'handler.unavailable',
  'webhook.unknown',
] as const;

// The type and the list agree both ways, or this does not compile (`npm run check:types`).
type Promised = (typeof PROMISED)[number];
const everyCodeIsPromised: Record<Exclude<ErrorCode, Promised>, never> = {};
const everyPromiseIsACode: readonly ErrorCode[] = PROMISED;

const codesOfTable = (page: string): string[] =>
  [...page.matchAll(/^\| `([^`]+)` /gm)].map((match) => match[1]!);

describe('the error registry', () => {
  it('[E1] holds exactly the codes promised to clients, as does the type ErrorCode', () => {
    expect(Object.keys(ERRORS).sort()).toEqual([...everyPromiseIsACode].sort());
    expect(everyCodeIsPromised).toEqual({});
  });

  it('[E1] defines no code twice', async () => {
    // In an object literal the second definition would silently win, so the source is what tells.
    const source = await readFile(new URL('errors.ts', import.meta.url).pathname, 'utf8');
    const codes = [...source.matchAll(/^ {2}(?:'([a-z_.]+)'|([a-z_]+)): \{$/gm)].map(
      (match) => match[1] ?? match[2],
    );
    expect(codes).toEqual(Object.keys(ERRORS));
  });

  it('[E1] has a text, advice, and a status of an error for every code', () => {
    for (const [code, { status, message, action }] of Object.entries(ERRORS)) {
      expect([code, message]).toEqual([code, expect.stringMatching(/^[a-z].*[^.]$/)]);
      expect([code, action]).toEqual([code, expect.stringMatching(/^[A-Z].*\.$/)]);
      expect([code, status >= 400 && status < 600]).toEqual([code, true]);
    }
  });

  it('[E1] docs/errors.md lists the same codes with status and retryable, both ways', async () => {
    const page = await readFile(PAGE, 'utf8');
    expect(codesOfTable(page)).toEqual(Object.keys(ERRORS));
    for (const [code, { status, retryable }] of Object.entries(ERRORS)) {
      const row = page.split('\n').find((line) => line.startsWith(`| \`${code}\` `));
      const cells = row?.split('|').map((cell) => cell.trim());
      expect(cells?.slice(1, 4)).toEqual([`\`${code}\``, String(status), retryable ? 'yes' : 'no']);
    }
  });

  it('[E1] docs/errors.md is what the registry renders to', async () => {
    const wanted = await format(renderErrorsPage(), { ...(await resolveConfig(PAGE)), filepath: PAGE });
    expect(await readFile(PAGE, 'utf8')).toBe(wanted);
  });

  it('[E1] takes only its own codes for codes', () => {
    expect(isErrorCode('kicked')).toBe(true);
    for (const other of ['toString', '__proto__', 'auth', '', undefined, 4])
      expect(isErrorCode(other)).toBe(false);
  });
});

describe('a coded error', () => {
  it('[E3] travels without its cause and without members that are not set', () => {
    const error = new SwitchboardError('internal', { cause: new Error('password is hunter2') });
    expect(error.toObject()).toEqual({ code: 'internal', message: ERRORS.internal.message, retryable: true });
    expect(Object.keys(error.toObject())).toEqual(['code', 'message', 'retryable']);
    expect(error.status).toBe(500);
  });

  it('[E1] can say more than the registry: text, retryable, when to come back, what is wrong where', () => {
    const errors = [{ path: 'room', message: 'expected a room name' }];
    const details = { message: 'come back later', retryable: true, retryAfterMs: 5, errors };
    expect(new SwitchboardError('kicked', details).toObject()).toEqual({ code: 'kicked', ...details });
  });
});
