/** Lists and counts over the namespaces of this process, which may share the names of users and rooms. */
import {
  decodePagePosition,
  encodePagePosition,
  pageSize,
  type ListKind,
  type PageRequest,
} from '../protocol/paging.js';
import type { MembershipAdapter } from '../sockets/membership.adapter.js';

type Namespaces = readonly MembershipAdapter[];

/** A page of what namespaces hold, with the namespace of each. */
export interface WalkedPage<T> {
  readonly items: readonly { readonly adapter: MembershipAdapter; readonly value: T }[];
  readonly next: string | null;
}

/**
 * One page over all namespaces.
 *
 * @param after what a namespace holds after an order
 * @param isIn whether an earlier namespace holds it as well: then it is left out
 */
export function walk<T extends { order: number }>(
  namespaces: Namespaces,
  kind: ListKind,
  request: PageRequest,
  after: (adapter: MembershipAdapter, order: number) => Iterable<T>,
  isIn: (earlier: MembershipAdapter, value: T) => boolean = () => false,
): WalkedPage<T> {
  const limit = pageSize(request.limit);
  const start = decodePagePosition(kind, request.cursor);
  const items: { adapter: MembershipAdapter; value: T }[] = [];
  const earlier: MembershipAdapter[] = [];
  let last = start;
  for (const adapter of namespaces) {
    if (adapter.number >= start.namespace) {
      for (const value of after(adapter, adapter.number === start.namespace ? start.order : 0)) {
        if (earlier.some((each) => isIn(each, value))) continue;
        if (items.length === limit) return { items, next: encodePagePosition(kind, last) };
        items.push({ adapter, value });
        last = { namespace: adapter.number, order: value.order };
      }
    }
    earlier.push(adapter);
  }
  return { items, next: null };
}

/** How many different names there are. With one namespace, which is the rule, the count is at hand; several may share names. */
export function countDistinct(
  namespaces: Namespaces,
  size: (adapter: MembershipAdapter) => number,
  names: (adapter: MembershipAdapter) => Iterable<string>,
): number {
  const holders = namespaces.filter((adapter) => size(adapter) > 0);
  if (holders.length <= 1) return holders.length === 0 ? 0 : size(holders[0]!);
  const distinct = new Set<string>();
  for (const adapter of holders) for (const name of names(adapter)) distinct.add(name);
  return distinct.size;
}

export const sum = <T>(items: readonly T[], value: (item: T) => number): number =>
  items.reduce((total, item) => total + value(item), 0);

export function count(items: Iterable<unknown>): number {
  let total = 0;
  // oxlint-disable-next-line no-unused-vars
  for (const _ of items) total++;
  return total;
}

export function* userNames(users: Iterable<{ user: string }>): Generator<string> {
  for (const { user } of users) yield user;
}

/** Names of shared rooms with this prefix, in order, after `last`. */
export function* roomNames(adapter: MembershipAdapter, prefix: string, last?: string): Generator<string> {
  const start = last !== undefined && last >= prefix ? last : prefix;
  for (const name of adapter.sharedRooms.keys(start)) {
    if (!name.startsWith(prefix)) {
      if (name > prefix) return;
      continue;
    }
    if (name !== last) yield name;
  }
}
