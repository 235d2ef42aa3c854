import { OrderedLog, type Ordered } from './ordered-log.js';
import { SmallSet } from './small-set.js';

/** The sockets of one user. */
export class UserRoom extends SmallSet implements Ordered {
  order = 0;
  gone = false;

  constructor(readonly user: string) {
    super();
  }
}

/** The users with a socket in a namespace, in the order of their coming. */
export class UserRooms {
  readonly inOrder = new OrderedLog<UserRoom>();
  private readonly byUser = new Map<string, UserRoom>();

  of(user: string): UserRoom | undefined {
    return this.byUser.get(user);
  }

  add(user: string, socketId: string): void {
    let sockets = this.byUser.get(user);
    if (!sockets) {
      this.byUser.set(user, (sockets = new UserRoom(user)));
      this.inOrder.add(sockets);
    }
    sockets.add(socketId);
  }

  delete(user: string, socketId: string): void {
    const sockets = this.byUser.get(user);
    if (!sockets?.delete(socketId) || sockets.size > 0) return;
    this.byUser.delete(user);
    this.inOrder.remove(sockets);
  }
}
