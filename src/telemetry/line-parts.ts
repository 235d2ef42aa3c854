/** The parts of a readable log line: its time, and its fields one by one. */

let lastTime = Number.NaN;
let lastTimeText = '';
let lastSecond = Number.NaN;
let lastSecondText = '';

/** RFC 3339; lines of one second differ in their milliseconds only. */
export function timeText(now: number): string {
  if (now === lastTime) return lastTimeText;
  const second = Math.floor(now / 1000);
  if (second !== lastSecond) {
    lastSecond = second;
    lastSecondText = new Date(second * 1000).toISOString().slice(0, -4);
  }
  lastTime = now;
  lastTimeText = [lastSecondText, String(now - second * 1000).padStart(3, '0'), 'Z'].join('');
  return lastTimeText;
}

/** A longer one is not likely to come again. */
const MAX_REMEMBERED_LENGTH = 64;

/** One field of a line. */
interface ShownField {
  key: string;
  value: unknown;
  /** `undefined` until the value comes for the second time. */
  text: string | undefined;
}

/**
 * Fields of log lines as they are shown, ` key=value`; what the line before had in the same place is not put together again.
 *
 * One line is written for each request of a backend, and most of its fields are those of the line before. A text that
 * V8 keeps in pieces costs as much again when the line is written, so one that repeats is made whole.
 */
export class ShownFields {
  private readonly last: ShownField[] = [];

  /** @param place of the field in its line */
  of(place: number, key: string, value: unknown): string {
    const last = (this.last[place] ??= { key: '', value: undefined, text: undefined });
    if (last.key === key && last.value === value) {
      return (last.text ??= [' ', key, '=', shown(value)].join(''));
    }
    if (typeof value === 'number' || (typeof value === 'string' && value.length <= MAX_REMEMBERED_LENGTH)) {
      last.key = key;
      last.value = value;
      last.text = undefined;
    }
    return ` ${key}=${shown(value)}`;
  }
}

const HARMLESS = /^[\w.:@/+#|~-]+$/;

/** Bare when it is one harmless word, else quoted, so that nothing from outside can look like another field or line. */
function shown(value: unknown): string {
  if (typeof value === 'number') return `${value}`;
  const text = typeof value === 'string' ? value : (JSON.stringify(value) ?? 'undefined');
  // The regular expression costs more than a look at what begins like an object or a list.
  return text[0] !== '{' && text[0] !== '[' && HARMLESS.test(text) ? text : JSON.stringify(text);
}
