import { failedRequest } from './failed-request.js';

describe('what is noted of a request that failed', () => {
  it.each([
    ['room:join', { room: 'lobby' }, 'access.denied', { kind: 'join_refused', name: 'lobby' }],
    ['room:join', { room: 'lobby' }, 'limit.rate', { kind: 'join_refused', name: 'lobby' }],
    ['room:join', { room: 5 }, 'payload.invalid', { kind: 'request_failed', name: 'room:join' }],
    ['room:join', undefined, 'limit.rate', { kind: 'limit', name: 'room:join' }],
    ['room:emit', { room: 'lobby' }, 'limit.rate', { kind: 'limit', name: 'room:emit' }],
    ['x'.repeat(1_000), {}, 'event.unknown', { kind: 'request_failed', name: 'x'.repeat(128) }],
    [
      `auth:eyJhbGciOiJIUzI1NiJ9.${'x'.repeat(200)}`,
      {},
      'event.unknown',
      { kind: 'request_failed', name: 'auth:<credential>' },
    ],
    [
      'room:join',
      { room: `sbk_${'x'.repeat(43)}:1` },
      'room.invalid',
      { kind: 'join_refused', name: '<credential>:1' },
    ],
  ])('[X1] %s %j, answered %s', (event, payload, code, fact) => {
    expect(failedRequest([event, payload], code)).toEqual({ ...fact, code });
  });
});
