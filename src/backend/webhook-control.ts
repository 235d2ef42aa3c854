import type {
  WebhookAttempts,
  WebhookEntry,
  WebhookReplay,
  WebhookTestResult,
} from '../protocol/webhooks.js';

/** The user or room whose events are asked for beside the attempts. */
export interface AttemptsRequest {
  readonly name: string;
  readonly user?: string;
  readonly room?: string;
}

/**
 * The seam between what backends ask of webhooks and the door that sends them. [W7]
 *
 * All throw `webhook.unknown` where no endpoint has the name.
 */
export abstract class WebhookControl {
  abstract list(): Promise<WebhookEntry[]>;
  abstract attempts(request: AttemptsRequest): Promise<WebhookAttempts>;
  /** Sends `webhook.test` now, once; an endpoint that was stopped goes on when it succeeds. */
  abstract test(name: string): Promise<WebhookTestResult>;
  /** Has everything since a time delivered once more. */
  abstract replay(name: string, sinceMs: number): Promise<WebhookReplay>;
}
