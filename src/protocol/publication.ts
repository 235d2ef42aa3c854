/** A publication: one message accepted for delivery, and who it is for. */

/** A union of rooms, users and sockets. An empty one is nobody. */
export interface Selection {
  readonly rooms?: readonly string[];
  readonly users?: readonly string[];
  readonly sockets?: readonly string[];
}

/** Who a publication is for: everyone, or a union of rooms, users and sockets. [D1] */
export type Target = { readonly all: true } | Selection;

/** One message accepted for delivery. */
export interface Publication {
  /** Unique over all nodes. */
  readonly id: string;
  readonly event: string;
  /** JSON values and binary. [D3] */
  readonly args: readonly unknown[];
  readonly to: Target;
  /** Taken off the target. A socket that is in both does not get it. */
  readonly except: Selection;
  /** May be dropped for a socket that is not ready; never kept in a history. [D5] */
  readonly volatile: boolean;
  /** Who sent it, when a client did. */
  readonly user?: string;
  /** When it was accepted, in milliseconds since 1970. */
  readonly at?: number;
  /** The Socket.IO namespace it is for; all of them when not given. */
  readonly namespace?: string;
}

/** A place in a room's history. Offsets rise by one within an epoch; another epoch is another history. [H2] */
export interface Position {
  readonly epoch: string;
  readonly offset: number;
}

/** Whose sockets are meant: one socket, or all of a user's. */
export type Subject = { readonly socketId: string } | { readonly user: string };
