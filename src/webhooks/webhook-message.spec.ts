import { MAX_ARGS_BYTES, type OutboxEvent } from '../engine/outbox.js';
import { publicationEvent } from '../engine/wanted-events.js';
import type { Publication } from '../protocol/publication.js';
import { messageOf } from './webhook-message.js';

const AT = Date.parse('2026-01-31T12:00:00.123Z');
const event = (data: OutboxEvent['data'], more: Partial<OutboxEvent> = {}): OutboxEvent => ({
  type: 'user.online',
  partition: 11,
  seq: 42,
  epoch: '3k9x2a',
  at: AT,
  key: 'uada',
  data,
  ...more,
});

describe('an event as an endpoint gets it', () => {
  it.each<[string, OutboxEvent['data']]>([
    ['with nothing to say', {}],
    ['with what is left out of JSON', { user: 'ada', info: undefined }],
    ['with all that JSON knows', { user: 'a"d\\a\u2028', info: { list: [1, null, 'ü'], deep: { is: {} } } }],
  ])('[W2] %s: type, timestamp, and data with seq and epoch', (_, data) => {
    const { id, type, body } = messageOf(event(data));
    expect([id, type]).toEqual(['evt_3k9x2a_b_42', 'user.online']);
    const timestamp = '2026-01-31T12:00:00.123Z';
    const whole = JSON.stringify({ type, timestamp, data: { ...data, seq: 42, epoch: '3k9x2a' } });
    expect(body).toBe(whole);
  });

  it('[W2] has the time of each event', () => {
    const timestamps = [AT, AT, AT + 1].map(
      (at) => (JSON.parse(messageOf(event({}, { at })).body) as { timestamp: string }).timestamp,
    );
    expect(timestamps.map(Date.parse)).toEqual([AT, AT, AT + 1]);
  });

  it('[W2] a publication with names as long as they may be, and arguments that just fit, takes no more than 20 kB', () => {
    const room = '#'.repeat(128);
    const text = 'x'.repeat(MAX_ARGS_BYTES - '[""]'.length);
    const publication = {
      id: 'i'.repeat(64),
      event: '\u0000'.repeat(128),
      user: '\u{1f600}'.repeat(128),
      to: { rooms: [room] },
      except: {},
      volatile: false,
    };
    const tells = (args: readonly unknown[]) =>
      publicationEvent({ events: { publication: ['*'] }, endpoints: [] }, {
        ...publication,
        args,
      } as unknown as Publication)!.data;
    expect(tells([`${text}x`])).toMatchObject({ truncated: true });
    const data = { room, ...tells([text]) };
    expect(data).toMatchObject({ args: [text] });
    const { body } = messageOf(event(data, { type: 'publication', seq: Number.MAX_SAFE_INTEGER }));
    expect(Buffer.byteLength(body)).toBeLessThanOrEqual(20_000);
  });
});
