/** Who is in a room, as a client that watches it knows: the members it was told, and the notices since. [M4] */

/**
 * The list is read beside the notices, so it may be ahead of those that are on their way; from then on each says something
 * new.
 */
const SETTLED_AFTER_MS = 10_000;

export class WatchedList {
  users = new Set();
  isListed = false;
  listedAt = Infinity;
  /** Since it asked who is there, and until it is told. */
  early = [];

  /** Who was there; what it heard since it asked comes on top of that. */
  listed(members) {
    this.users = new Set(members);
    this.isListed = true;
    this.listedAt = performance.now();
    for (const notice of this.early.splice(0)) this.heard(notice, () => {});
  }

  heard(notice, problem) {
    if (!this.isListed) {
      this.early.push(notice);
      return;
    }
    const isSettled = performance.now() - this.listedAt > SETTLED_AFTER_MS;
    for (const { user } of notice.joined) {
      if (isSettled && this.users.has(user)) problem(`was told again that ${user} came into ${notice.room}`);
      this.users.add(user);
    }
    for (const user of notice.left) {
      if (isSettled && !this.users.has(user))
        problem(`was told that ${user} left ${notice.room}, where it was not`);
      this.users.delete(user);
    }
  }
}
