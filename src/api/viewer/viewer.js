/** Shows every route of the API from its description, and sends requests to this gateway. */
import { exampleOf, outlineOf } from './example.js';

/** @typedef {{ name: string, in: string, required?: boolean, description?: string, schema: any }} Parameter */

/** @type {any} */
const api = await (await fetch('openapi.json')).json();
const main = byId('operations');
byId('about').textContent = api.info.description;

/** @param {string} reference */
const resolve = (reference) =>
  reference
    .split('/')
    .slice(1)
    .reduce((value, key) => value?.[key], api);

let group = '';
for (const [path, methods] of Object.entries(api.paths)) {
  for (const [method, operation] of Object.entries(methods)) {
    const [tag = ''] = operation.tags ?? [];
    if (tag !== group) main.append(element('h2', {}, tag));
    group = tag;
    main.append(showOperation(method.toUpperCase(), path, operation));
  }
}
main.removeAttribute('aria-busy');
byId('filter').addEventListener('input', filter);

/** Groups whose routes are all hidden go with them. */
function filter() {
  const wanted = byId('filter').value.toLowerCase();
  let heading;
  for (const child of main.children) {
    if (child.tagName === 'H2') {
      heading = child;
      heading.hidden = true;
      continue;
    }
    child.hidden = !child.querySelector('summary').textContent.toLowerCase().includes(wanted);
    if (!child.hidden && heading) heading.hidden = false;
  }
}

/** @param {string} method @param {string} path @param {any} operation */
function showOperation(method, path, operation) {
  const { summary, description, parameters = [], requestBody, responses } = operation;
  const details = element('details', { className: 'operation' });
  details.append(
    element(
      'summary',
      {},
      element('span', { className: `method ${method.toLowerCase()}` }, method),
      element('code', { className: 'path' }, path),
      element('span', { className: 'what' }, summary),
    ),
  );
  // A route is laid out when it is opened: few of them are.
  details.addEventListener(
    'toggle',
    () => {
      if (description) details.append(element('p', {}, description));
      details.append(requestForm(method, path, parameters, requestBody));
      details.append(...answers(responses));
    },
    { once: true },
  );
  return details;
}

/** @param {string} method @param {string} path @param {Parameter[]} parameters @param {any} requestBody */
function requestForm(method, path, parameters, requestBody) {
  const inputs = parameters.map((parameter) => ({
    parameter,
    input: element('input', { name: parameter.name, required: parameter.required === true }),
  }));
  const schema = requestBody?.content['application/json'].schema;
  const body =
    schema &&
    element('textarea', {
      rows: 8,
      spellcheck: false,
      value: JSON.stringify(exampleOf(schema, resolve), undefined, 2),
    });
  const output = element('pre', { className: 'answer', hidden: true });
  const form = element('form', {});
  for (const { parameter, input } of inputs) {
    const label = element('label', {}, `${parameter.name} (${parameter.in}) `, input);
    if (parameter.description) label.append(element('small', {}, parameter.description));
    form.append(label);
  }
  if (body) form.append(element('pre', {}, outlineOf(schema, resolve)), element('label', {}, 'Body', body));
  form.append(element('button', {}, 'Send'), output);
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    output.hidden = false;
    output.textContent = '…';
    send(method, path, inputs, body?.value).then(
      (text) => (output.textContent = text),
      (failure) => (output.textContent = String(failure)),
    );
  });
  return form;
}

/**
 * @param {string} method @param {string} path
 * @param {{ parameter: Parameter, input: HTMLInputElement }[]} inputs @param {string | undefined} body
 */
async function send(method, path, inputs, body) {
  let target = path;
  const query = new URLSearchParams();
  /** @type {Record<string, string>} */
  const headers = body === undefined ? {} : { 'content-type': 'application/json' };
  for (const { parameter, input } of inputs) {
    if (parameter.in === 'path')
      target = target.replace(`{${parameter.name}}`, encodeURIComponent(input.value));
    else if (input.value === '') continue;
    else if (parameter.in === 'query') query.set(parameter.name, input.value);
    else headers[parameter.name] = input.value;
  }
  const key = byId('key').value;
  if (key) headers.authorization = `Bearer ${key}`;
  const address = `.${target}${query.size > 0 ? `?${query}` : ''}`;
  const response = await fetch(address, body === undefined ? { method, headers } : { method, headers, body });
  const text = await response.text();
  return `${response.status} ${response.statusText}\n${pretty(text)}`;
}

/** @param {string} text */
function pretty(text) {
  try {
    return JSON.stringify(JSON.parse(text), undefined, 2);
  } catch {
    return text;
  }
}

/** @param {Record<string, any>} responses */
function answers(responses) {
  return Object.entries(responses).map(([status, { description, content }]) => {
    const [media] = Object.values(content ?? {});
    const line = element(
      'details',
      { className: 'status' },
      element('summary', {}, `${status} ${description}`),
    );
    if (media) line.append(element('pre', {}, outlineOf(media.schema, resolve)));
    return line;
  });
}

/** @param {string} id @returns {any} */
function byId(id) {
  return document.getElementById(id);
}

/** @param {string} name @param {object} properties @param {(Node | string)[]} children @returns {any} */
function element(name, properties, ...children) {
  const created = Object.assign(document.createElement(name), properties);
  created.append(...children);
  return created;
}
