import type { Redis } from 'ioredis';
import { connectAnew, createClient } from './client.js';

/** No answer for this long means that the connection is dead, though nobody said so. */
const GIVE_UP_AFTER_MS = 3_000;

/**
 * What is published to one sharded channel, on a connection of its own, because nothing else may be asked on it.
 *
 * Messages can be missed: whoever uses it has to find out, and is told each time that the connection is there again.
 */
export class Subscription {
  private readonly client: Redis;
  private isThere = false;
  private isAsking = false;

  constructor(
    url: string,
    private readonly channel: string,
    received: (message: string) => void,
    private readonly subscribed: () => void,
    private readonly lost: () => void,
  ) {
    this.client = createClient(url, channel);
    // Its state shows in `isActive`, and the link tells what is wrong with Redis.
    this.client.on('error', () => undefined);
    this.client.on('close', () => {
      this.isThere = false;
      this.lost();
    });
    this.client.on('ready', () => this.confirm());
    this.client.on('smessage', (_, message: string) => received(message));
  }

  /** Whether everything that is published comes, as far as is known. */
  get isActive(): boolean {
    return this.isThere;
  }

  /** Connects, and then again by itself. */
  open(): void {
    this.client.connect().catch(() => undefined);
  }

  close(): void {
    this.client.disconnect();
  }

  /**
   * Asks for the channel, also when it was asked for: a cluster that has moved it elsewhere, and a connection that is
   * dead, show in the answer.
   */
  confirm(): void {
    if (this.isAsking || this.client.status !== 'ready') return;
    this.isAsking = true;
    const giveUp = setTimeout(() => {
      this.isAsking = false;
      connectAnew(this.client);
    }, GIVE_UP_AFTER_MS);
    const answered = (isThere: boolean): void => {
      clearTimeout(giveUp);
      this.isAsking = false;
      const isNew = isThere && !this.isThere;
      this.isThere = isThere;
      if (isNew) this.subscribed();
      else if (!isThere) this.lost();
    };
    this.client.ssubscribe(this.channel).then(
      () => answered(true),
      () => answered(false),
    );
  }
}
