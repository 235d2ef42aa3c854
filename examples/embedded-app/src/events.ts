/** What this app sends to its customers: event names and their arguments. */
export interface ShopEvents {
  'order:shipped': (order: { id: string; carrier: string }) => void;
  'support:line': (line: { from: string; text: string }) => void;
}
