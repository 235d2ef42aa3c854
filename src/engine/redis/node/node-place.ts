/** Where a node runs and what it is, as `GET /v1/nodes` tells it. [O4] */
export interface NodePlace {
  readonly host: string | null;
  readonly pid: number | null;
  readonly version: string | null;
}

/** Reads what a node has written of itself; one of an older version has not. */
export function placeOf(written: string): NodePlace {
  if (written === '') return { host: null, pid: null, version: null };
  const [host, pid, version] = JSON.parse(written) as [string, number, string];
  return { host, pid, version };
}
