import { ConfigError, loadConfig } from './config.js';

const secretOf = (bytes: number, fill = 7): string => `whsec_${Buffer.alloc(bytes, fill).toString('base64')}`;
const GOOD = {
  SWITCHBOARD_WEBHOOKS: 'shop=https://shop.internal/hooks?key=1,audit=http://10.0.0.1/',
  SWITCHBOARD_WEBHOOK_SECRETS: `shop:${secretOf(24)} ${secretOf(64)},audit:${secretOf(32)}`,
  SWITCHBOARD_WEBHOOK_EVENTS: 'shop=user.*+room.*:chat:*+publication:chat:*',
};

/** The problem lines of these keys, set beside good ones. */
function linesOf(env: Readonly<Record<string, string | undefined>>): readonly string[] {
  try {
    loadConfig({ env: { ...GOOD, ...env } });
  } catch (error) {
    if (error instanceof ConfigError) return error.lines;
    throw error;
  }
  return [];
}

describe('the configuration of webhooks', () => {
  it('[W1] names endpoints with one secret, or two while they rotate, and what each is told', () => {
    const { webhooks, webhookSecrets, webhookEvents } = loadConfig({ env: GOOD });
    expect(webhooks).toEqual([
      { name: 'shop', url: 'https://shop.internal/hooks?key=1' },
      { name: 'audit', url: 'http://10.0.0.1/' },
    ]);
    expect(webhookSecrets.map(({ name, secrets }) => [name, secrets.length])).toEqual([
      ['shop', 2],
      ['audit', 1],
    ]);
    expect(webhookEvents).toEqual([
      {
        name: 'shop',
        events: [
          { event: 'user.online', rooms: '*' },
          { event: 'user.offline', rooms: '*' },
          { event: 'room.occupied', rooms: 'chat:*' },
          { event: 'room.vacated', rooms: 'chat:*' },
          { event: 'room.member_joined', rooms: 'chat:*' },
          { event: 'room.member_left', rooms: 'chat:*' },
          { event: 'publication', rooms: 'chat:*' },
        ],
      },
    ]);
  });

  it('[W1] a second secret may stand behind a comma too', () => {
    const both = `shop:${secretOf(24)},shop:${secretOf(24, 8)},audit:${secretOf(32)}`;
    const { webhookSecrets } = loadConfig({ env: { ...GOOD, SWITCHBOARD_WEBHOOK_SECRETS: both } });
    expect(webhookSecrets[0]!.secrets).toEqual([secretOf(24), secretOf(24, 8)]);
  });

  it.each([
    ['a secret of 23 bytes', 'SWITCHBOARD_WEBHOOK_SECRETS', `shop:${secretOf(23)},audit:${secretOf(32)}`],
    ['a secret of 65 bytes', 'SWITCHBOARD_WEBHOOK_SECRETS', `shop:${secretOf(65)},audit:${secretOf(32)}`],
    ['a secret without whsec_', 'SWITCHBOARD_WEBHOOK_SECRETS', 'shop:correct-horse-battery,audit:x'],
    [
      'three secrets',
      'SWITCHBOARD_WEBHOOK_SECRETS',
      `shop:${secretOf(24)} ${secretOf(25)} ${secretOf(26)},audit:${secretOf(32)}`,
    ],
    [
      'a secret of nobody',
      'SWITCHBOARD_WEBHOOK_SECRETS',
      `${GOOD.SWITCHBOARD_WEBHOOK_SECRETS},x:${secretOf(24)}`,
    ],
    ['an endpoint without a secret', 'SWITCHBOARD_WEBHOOK_SECRETS', `shop:${secretOf(24)}`],
    ['a password in a URL', 'SWITCHBOARD_WEBHOOKS', 'shop=https://me:hunter22@shop.internal/'],
    ['another scheme', 'SWITCHBOARD_WEBHOOKS', 'shop=ftp://shop.internal/'],
    ['a name twice', 'SWITCHBOARD_WEBHOOKS', 'shop=https://a.internal/,shop=https://b.internal/'],
    ['an event that is none', 'SWITCHBOARD_WEBHOOK_EVENTS', 'shop=user.away'],
    ['publications of all rooms', 'SWITCHBOARD_WEBHOOK_EVENTS', 'shop=publication'],
    ['rooms of an event without any', 'SWITCHBOARD_WEBHOOK_EVENTS', 'shop=user.*:chat:*'],
    ['events of nobody', 'SWITCHBOARD_WEBHOOK_EVENTS', 'x=user.*'],
    ['batches of nobody', 'SWITCHBOARD_WEBHOOK_BATCH', 'x'],
  ])('[W1] [C2] %s stops the start with a line that names the key and tells no secret', (_, key, value) => {
    const lines = linesOf({ [key]: value });
    expect(lines.length).toBeGreaterThan(0);
    expect(lines.join('\n')).toContain(key);
    for (const secret of value.match(/whsec_\S+|hunter22|correct-horse-battery/g) ?? []) {
      expect(lines.join('\n')).not.toContain(secret.split(',')[0]);
    }
  });
});
