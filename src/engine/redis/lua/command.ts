/** What the script is told of a command; the command itself goes beside it, as JSON. */
export type CommandOrder = readonly [
  mark: typeof COMMAND_MARK,
  /** The user or socket that the command is for. */
  kind: 'user' | 'socket' | 'all',
  name: string,
  /** Under which the nodes answer. */
  call: string,
];

/** Stands where a publication has its ID. */
export const COMMAND_MARK = '!';
