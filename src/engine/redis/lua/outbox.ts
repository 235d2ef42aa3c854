/** What a node wants, as the scripts read it. */
export interface WrittenWants {
  readonly n: string;
  readonly e: object;
  /** Whether it hears of users. */
  readonly h: boolean;
  /** Whether it sends to endpoints. */
  readonly s: boolean;
}

/** How far an endpoint has got. */
export type EndpointReply = readonly [
  delivered: readonly number[],
  replays: number,
  stoppedAs: string,
  tellsSince: number,
];

/** Where the outbox stands: see the script. Numbers of partitions are in their order. */
export type StandingReply = readonly [
  epoch: string,
  share: number,
  owned: readonly number[],
  last: readonly number[],
  endpoints: readonly EndpointReply[],
  ownedForMs: number,
];
