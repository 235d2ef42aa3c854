import { createHash } from 'node:crypto';
import type { SwitchboardConfig } from '../config/config.js';
import { parseSigningSecret, type SigningSecret } from '../config/signing-secret.js';
import { choicesOf, isOfRooms, type WebhookChoice, type WebhookEvent } from '../config/webhook-rules.js';
import { fitsPattern, type OutboxEvent } from '../engine/outbox.js';

/** One receiver of events. [W1] */
export class Endpoint {
  readonly name: string;
  readonly url: URL;
  readonly secrets: readonly SigningSecret[];
  readonly choices: readonly WebhookChoice[];
  /** Gets up to 100 events in one request. */
  readonly isBatched: boolean;
  /** What it is stopped as: another URL under the same name is another receiver. */
  readonly mark: string;
  /** The endpoint answered 410. */
  isStopped = false;
  /** Deliveries that failed and are to be tried again. */
  failing = 0;
  private readonly patterns = new Map<string, string[]>();

  constructor(name: string, config: SwitchboardConfig) {
    this.name = name;
    this.url = new URL(config.webhooks.find((each) => each.name === name)!.url);
    const secrets = config.webhookSecrets.find((each) => each.name === name)?.secrets ?? [];
    this.secrets = secrets.map((secret) => parseSigningSecret(secret)!);
    this.choices = choicesOf(config.webhookEvents, name);
    this.isBatched = config.webhookBatch.includes(name);
    this.mark = createHash('sha256').update(this.url.href).digest('base64url').slice(0, 22);
    for (const { event, rooms } of this.choices) {
      this.patterns.set(event, [...(this.patterns.get(event) ?? []), rooms]);
    }
  }

  get state(): 'ok' | 'failing' | 'stopped' {
    return this.isStopped ? 'stopped' : this.failing > 0 ? 'failing' : 'ok';
  }

  /** Whether it asked for the event; that the gateway has started is for everyone. */
  wants({ type, data }: OutboxEvent): boolean {
    if (type === 'gateway.started') return true;
    const patterns = this.patterns.get(type);
    return (
      patterns !== undefined &&
      (!isOfRooms(type as WebhookEvent) || fitsPattern(patterns, String(data['room'])))
    );
  }
}
