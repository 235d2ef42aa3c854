/**
 * How a place in the one order of publications is written for clients. [H4]
 *
 * `<epoch>.<place>`, and `~<publication>` after it when this node has delivered up to that publication of its own without
 * Redis: it may stand in the log later, and is then not to be given to the same client again.
 */
export interface StreamCursor {
  readonly epoch: string;
  readonly seq: number;
  /** A publication up to which everything of its publisher was had already. */
  readonly had?: string;
}

const CURSOR = /^([\w-]{1,32})\.(\d{1,15})(?:~([^~]{1,64}))?$/;

/** The place, or nothing for what no node ever wrote. */
export function parseStreamCursor(cursor: string): StreamCursor | undefined {
  const parts = CURSOR.exec(cursor);
  if (parts === null) return undefined;
  const [, epoch, seq, had] = parts;
  return { epoch: epoch!, seq: Number(seq), ...(had === undefined ? {} : { had }) };
}

/** A place as Redis gives it. */
export function readPlace(text: string): { readonly epoch: string; readonly seq: number } {
  const dot = text.lastIndexOf('.');
  if (dot < 1) throw new Error('a place without an epoch');
  return { epoch: text.slice(0, dot), seq: Number(text.slice(dot + 1)) };
}

export const formatStreamCursor = ({ epoch, seq, had }: StreamCursor): string =>
  `${epoch}.${seq}${had === undefined ? '' : `~${had}`}`;

const NUMBERED = /^(.+)-([0-9a-z]{1,11})$/;

/**
 * Whether a publication is of the same publisher as another and not after it. IDs are `<publisher>-<number>`, and one
 * publisher's numbers rise.
 */
export function isUpTo(id: string, other: string): boolean {
  const [one, two] = [NUMBERED.exec(id), NUMBERED.exec(other)];
  if (one === null || two === null) return id === other;
  return one[1] === two[1] && Number.parseInt(one[2]!, 36) <= Number.parseInt(two[2]!, 36);
}

/** A cursor of the same node that is not before another one: a client that goes on from it is given nothing twice. */
export function notBefore(before: string, cursor: string): string {
  const [one, other] = [parseStreamCursor(before), parseStreamCursor(cursor)];
  if (one === undefined || other === undefined || one.epoch !== other.epoch) return cursor;
  return formatStreamCursor({ ...other, seq: Math.max(one.seq, other.seq) });
}
