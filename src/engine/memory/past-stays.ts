/** From after which place until which one it was in a room. */
interface Stay {
  readonly room: string;
  readonly since: number;
  readonly until: number;
}

/** So many are remembered of a session: its rooms come and go as often as its client likes. */
const MAX_STAYS = 256;

/** The rooms that a session was in before: they take off what was published meanwhile, also when it is given later. [D1] */
export class PastStays {
  /** Publications up to this place may have been in a stay that is forgotten. */
  forgottenSeq = 0;
  private readonly stays: Stay[] = [];

  add(stay: Stay): void {
    if (stay.since === stay.until) return;
    this.stays.push(stay);
    if (this.stays.length > MAX_STAYS) this.forgottenSeq = this.stays.shift()!.until;
  }

  wasIn(name: string, seq: number): boolean {
    return this.stays.some(({ room, since, until }) => room === name && since < seq && seq <= until);
  }
}
