/** Events that are handled in one turn of the event loop at the most; half of it is never put off. */
const MOST = 256;

/** What has events that wait for a later turn. */
export interface PutOff {
  goOn(): void;
}

/**
 * How many events of all sockets together are handled in one turn of the event loop.
 *
 * Node.js hands over all that can be read, of thousands of sockets, before timers and everything else have their turn. What
 * clients send in one moment is read then, and handled over the next turns, in its order. Few events never wait, and cost a
 * count: the turn is looked at only when half of the budget is gone.
 */
export class TurnBudget {
  private taken = 0;
  private waiting: PutOff[] = [];

  /** @param onFailure hears of an inbox that failed; the others go on */
  constructor(private readonly onFailure: (failure: unknown) => void) {}

  /**
   * Whether the next event of an inbox may be handled now. Where not, the inbox is called when its turn comes: behind all
   * that wait already.
   */
  take(inbox: PutOff): boolean {
    if (this.waiting.length === 0 && ++this.taken <= MOST) {
      if (this.taken === MOST / 2) setImmediate(this.begin);
      return true;
    }
    if (this.waiting.push(inbox) === 1) setImmediate(this.goOn);
    return false;
  }

  private readonly begin = (): void => {
    this.taken = 0;
  };

  private readonly goOn = (): void => {
    const due = this.waiting.slice(0, MOST / 2);
    // What comes meanwhile, of these inboxes too, sees that others wait, and waits behind them.
    for (const inbox of due) {
      try {
        inbox.goOn();
      } catch (failure) {
        this.onFailure(failure);
      }
    }
    this.waiting.splice(0, due.length);
    if (this.waiting.length > 0) setImmediate(this.goOn);
    else this.taken = 0;
  };
}
