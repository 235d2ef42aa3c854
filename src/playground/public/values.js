/** Values as short text, and text as values. */

const MAX_SHOWN = 4_000;

const replacer = (_key, value) => {
  if (typeof value === 'function') return 'ƒ acknowledgement';
  if (value instanceof ArrayBuffer || ArrayBuffer.isView(value)) return `binary, ${value.byteLength} bytes`;
  if (typeof Event !== 'undefined' && value instanceof Event) return `${value.type} event`;
  if (value instanceof Error) {
    return {
      message: value.message,
      ...(value.data === undefined ? {} : { data: value.data }),
      ...(typeof value.description === 'number' ? { status: value.description } : {}),
    };
  }
  return value;
};

/** One value as JSON text, at most a few thousand characters of it. */
export function show(value, indent) {
  const text = JSON.stringify(value, replacer, indent) ?? String(value);
  return text.length > MAX_SHOWN ? `${text.slice(0, MAX_SHOWN)}… (${text.length} characters)` : text;
}

/** A list of arguments, comma-separated; trailing ones that are undefined say nothing and are left out. */
export function showArgs(args) {
  const last = args.findLastIndex((arg) => arg !== undefined);
  return args
    .slice(0, last + 1)
    .map((arg) => show(arg))
    .join(', ');
}

/** The error of an answer, a refusal or a problem document in one line. */
export function showError(error) {
  if (error === null || typeof error !== 'object') return String(error);
  const issues = Array.isArray(error.errors)
    ? error.errors.map((issue) => [issue.path, issue.message].filter(Boolean).join(': ')).join('; ')
    : '';
  const text = error.detail ?? error.message ?? error.title ?? '';
  const wait = error.retryAfterMs === undefined ? '' : `retry after ${error.retryAfterMs} ms`;
  return [error.code, text, issues, wait].filter(Boolean).join(' · ');
}

/** Parses the argument field: a JSON array is the list of arguments, nothing is no argument. */
export function parseArgs(text) {
  if (text.trim() === '') return { args: [] };
  let value;
  try {
    value = JSON.parse(text);
  } catch (error) {
    return { problem: `Not JSON: ${error.message}` };
  }
  if (!Array.isArray(value)) {
    return { problem: `Arguments are a JSON array. For this one value write [${show(value)}].` };
  }
  return { args: value };
}
