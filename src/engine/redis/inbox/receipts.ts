import { MAX_DEPTH, measureValue } from '../../../protocol/json.js';
import type { MissingReceipt, Receipt, Receipts } from '../../engine.js';
import { decodeArgs, encodeArgs } from '../stores/codec.js';

/** An acknowledgement as it goes to the node that asked for it. */
type WrittenReceipt = readonly [socketId: string, user: string, args: readonly unknown[], holdsBinary: 0 | 1];

/** The answer of a client has been checked by nobody: nested deeper than encoders go, it is `null`, as from a local socket. */
export const writeReceipt = ({ socketId, user, args }: Receipt): WrittenReceipt => [
  socketId,
  user,
  ...encodeArgs(args.map((arg) => (measureValue(arg).depth > MAX_DEPTH ? null : arg))),
];

/** Every targeted socket is in one of the two, whatever became of its node. */
export function receiptsOf(
  sockets: readonly (readonly [socketId: string, user: string, node: string])[],
  answers: Iterable<string>,
): Receipts {
  const given = new Map<string, Receipt>();
  for (const answer of answers) {
    for (const [socketId, user, args, holdsBinary] of JSON.parse(answer) as WrittenReceipt[]) {
      given.set(socketId, { socketId, user, args: decodeArgs(args, holdsBinary) });
    }
  }
  const responses: Receipt[] = [];
  const missing: MissingReceipt[] = [];
  for (const [socketId, user] of sockets) {
    const receipt = given.get(socketId);
    if (receipt) responses.push(receipt);
    else missing.push({ socketId, user });
  }
  return { responses, missing };
}
