/** Examples and short descriptions of schemas. */

/** How deep an example goes: a schema may hold itself. */
const MAX_DEPTH = 6;

/**
 * A value that fits the schema, with its required members only.
 * @param {any} schema @param {(reference: string) => any} resolve @param {number} depth
 * @returns {unknown}
 */
export function exampleOf(schema, resolve, depth = 0) {
  const { $ref, example, enum: values, oneOf, anyOf, allOf, type } = schema ?? {};
  if (depth > MAX_DEPTH) return null;
  if ($ref) return exampleOf(resolve($ref), resolve, depth + 1);
  if (example !== undefined) return example;
  if (schema?.default !== undefined) return schema.default;
  if (values) return values[0];
  const first = oneOf?.[0] ?? anyOf?.[0];
  if (first) return exampleOf(first, resolve, depth + 1);
  if (allOf) {
    return Object.assign({}, ...allOf.map((/** @type {any} */ part) => exampleOf(part, resolve, depth + 1)));
  }
  if (type === 'object' || schema?.properties) return exampleObject(schema, resolve, depth);
  if (type === 'array') return [exampleOf(schema.items, resolve, depth + 1)];
  if (type === 'boolean') return true;
  if (type === 'integer' || type === 'number') return schema.minimum ?? 0;
  return type === 'string' ? 'text' : null;
}

/** @param {any} schema @param {(reference: string) => any} resolve @param {number} depth */
function exampleObject(schema, resolve, depth) {
  const required = new Set(schema.required ?? []);
  const members = Object.entries(schema.properties ?? {}).filter(([name]) => required.has(name));
  return Object.fromEntries(members.map(([name, member]) => [name, exampleOf(member, resolve, depth + 1)]));
}

/**
 * The schema as text, a member a line, as someone would write it down.
 * @param {any} schema @param {(reference: string) => any} resolve @param {string} indent @param {number} depth
 * @returns {string}
 */
export function outlineOf(schema, resolve, indent = '', depth = 0) {
  const { $ref, enum: values, oneOf, anyOf, allOf, type, nullable } = schema ?? {};
  const orNull = nullable ? ' | null' : '';
  if ($ref)
    return depth > MAX_DEPTH ? $ref.split('/').at(-1) : outlineOf(resolve($ref), resolve, indent, depth + 1);
  if (values) return values.map((/** @type {unknown} */ value) => JSON.stringify(value)).join(' | ') + orNull;
  const choices = oneOf ?? anyOf ?? allOf;
  if (choices) {
    const parts = choices.map((/** @type {any} */ part) => outlineOf(part, resolve, indent, depth + 1));
    return parts.join(allOf ? ' & ' : ' | ') + orNull;
  }
  if (type === 'array') return `${outlineOf(schema.items, resolve, indent, depth + 1)}[]${orNull}`;
  if (!schema?.properties) return (type ?? 'any') + orNull;
  const required = new Set(schema.required ?? []);
  const lines = Object.entries(schema.properties).map(([name, member]) => {
    const about = /** @type {any} */ (member).description;
    const inner = outlineOf(member, resolve, `${indent}  `, depth + 1);
    return `${indent}  ${name}${required.has(name) ? '' : '?'}: ${inner}${about ? `  // ${about}` : ''}`;
  });
  return `{\n${lines.join('\n')}\n${indent}}${orNull}`;
}
