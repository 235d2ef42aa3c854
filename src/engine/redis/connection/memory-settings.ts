/** The one policy with which Redis keeps what it was given. */
const KEEPS_ALL = 'noeviction';

const valueOf = (info: string, name: string): string | undefined =>
  new RegExp(`^${name}:(.*?)\\r?$`, 'm').exec(info)?.[1];

/**
 * What is wrong with how much memory Redis may take, from what it says of itself (`INFO memory`).
 *
 * @param maxHistoryBytes what the gateway may keep there of publications; the rest of its state comes on top
 */
export function problemsOf(info: string, maxHistoryBytes: number): string[] {
  const problems: string[] = [];
  const policy = valueOf(info, 'maxmemory_policy');
  if (policy !== undefined && policy !== KEEPS_ALL) {
    problems.push(
      `maxmemory-policy is ${policy}: set it to ${KEEPS_ALL}, or Redis drops sessions and histories`,
    );
  }
  const maxMemory = Number(valueOf(info, 'maxmemory') ?? 0);
  if (maxMemory > 0 && maxMemory < 2 * maxHistoryBytes) {
    problems.push(
      `maxmemory is ${maxMemory} bytes: give Redis at least twice SWITCHBOARD_MAX_HISTORY_BYTES, which is ${maxHistoryBytes}`,
    );
  }
  return problems;
}
