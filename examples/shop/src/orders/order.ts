export interface Order {
  readonly id: number;
  readonly user: string;
  readonly item: string;
}

/** What the gateway makes of a client's event: the gateway says who the user is, the client what the arguments are. */
export interface ClientEvent {
  readonly user: string;
  readonly args: readonly unknown[];
}
