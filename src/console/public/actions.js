/** What an operator can do, each after a question that says what will happen; the gateway writes down who did it. [A10] */
import { call, path } from './api.js';
import { html, signal, useEffect, useLayoutEffect, useRef, useState } from './html.js';
import { times } from './text.js';

/** The action that is being asked about; undefined when there is none. */
export const asked = signal(undefined);

/** What the last action came to. */
export const outcome = signal(undefined);

const ROOM_FIELD = { name: 'room', label: 'Room', required: true };
const BACK_FIELD = { name: 'reconnect', label: 'Let the client come back by itself', type: 'checkbox' };

const subjectPath = ({ kind, value }) =>
  kind === 'user' ? path`v1/users/${value}` : path`v1/sockets/${value}`;
const nameOf = ({ kind, value }) => `${kind} ${value}`;

/** Each: what the button says, what is asked before, and what is done then; `run` resolves with what to say. */
export const ACTIONS = {
  send: {
    button: 'Send an event',
    title: (subject) =>
      subject.kind === 'all' ? 'Send an event to everyone' : `Send an event to ${nameOf(subject)}`,
    confirm: 'Send it',
    fields: [
      { name: 'event', label: 'Event', required: true, initial: 'message' },
      { name: 'args', label: 'Arguments, a JSON array', initial: '["hello"]', isMono: true },
    ],
    async run({ kind, value }, { event, args }) {
      const to = kind === 'all' ? { all: true } : { [`${kind}s`]: [value] };
      const { matched, id } = await call('POST', 'v1/emit', { body: { to, event, args: listOf(args) } });
      return `Sent to ${times(matched, 'socket')}, publication ${id}`;
    },
  },
  join: {
    button: 'Put into a room',
    title: (subject) => `Put ${nameOf(subject)} into a room`,
    confirm: 'Put it in',
    fields: [ROOM_FIELD],
    async run(subject, { room }) {
      await call('PUT', subjectPath(subject) + path`/rooms/${room}`);
      return `${nameOf(subject)} is in ${room}`;
    },
  },
  leave: {
    button: 'Take out of a room',
    title: (subject) => `Take ${nameOf(subject)} out of a room`,
    confirm: 'Take it out',
    fields: [ROOM_FIELD],
    async run(subject, { room }) {
      await call('DELETE', subjectPath(subject) + path`/rooms/${room}`);
      return `${nameOf(subject)} is not in ${room} any longer`;
    },
  },
  kick: {
    button: 'Disconnect',
    isGrave: true,
    title: (subject) =>
      subject.kind === 'user' ? `End all sockets of ${nameOf(subject)}?` : `End ${nameOf(subject)}?`,
    confirm: 'Disconnect',
    fields: [BACK_FIELD],
    async run(subject, { reconnect }) {
      const query = { reconnect: reconnect ? 'true' : undefined };
      const to = subject.kind === 'user' ? `${subjectPath(subject)}/sockets` : subjectPath(subject);
      const answer = await call('DELETE', to, { query });
      return answer === undefined
        ? `${nameOf(subject)} has ended`
        : `Ended ${times(answer.disconnected, 'socket')}`;
    },
  },
  block: {
    button: 'Block',
    isGrave: true,
    title: (subject) =>
      `Block ${nameOf(subject)}? All its sockets end, and none is let in until it is unblocked.`,
    confirm: 'Block',
    fields: [],
    async run(subject) {
      await call('PUT', `${subjectPath(subject)}/block`);
      return `${nameOf(subject)} is blocked`;
    },
  },
  unblock: {
    button: 'Unblock',
    title: (subject) => `Let ${nameOf(subject)} in again?`,
    confirm: 'Unblock',
    fields: [],
    async run(subject) {
      await call('DELETE', `${subjectPath(subject)}/block`);
      return `${nameOf(subject)} is not blocked any longer`;
    },
  },
};

function listOf(text) {
  const value = text.trim() === '' ? [] : JSON.parse(text);
  if (!Array.isArray(value))
    throw new Error(`Arguments are a JSON array: for this one value write [${text}]`);
  return value;
}

/** `names` of {@link ACTIONS} as buttons; `onDone` runs after each that was carried out. */
export const ActionButtons = ({ subject, names, onDone, initial = {} }) =>
  html`<div class="buttons">
    ${names.map(
      (name) =>
        html`<button
          type="button"
          key=${name}
          data-action=${name}
          class=${ACTIONS[name].isGrave ? 'grave' : ''}
          onClick=${(event) => (asked.value = { name, subject, onDone, initial, from: event.currentTarget })}
        >
          ${ACTIONS[name].button}
        </button>`,
    )}
  </div>`;

/** The question before an action, as a dialog; one at a time. */
export function ActionDialog() {
  const action = asked.value;
  return action === undefined
    ? null
    : html`<${Question} key=${`${action.name}${action.subject.value}`} ...${action} />`;
}

function Question({ name, subject, onDone, initial, from }) {
  const { title, confirm, fields, run, isGrave } = ACTIONS[name];
  const dialog = useRef();
  const [problem, setProblem] = useState('');
  const [isRunning, setRunning] = useState(false);
  useLayoutEffect(() => dialog.current.showModal(), []);

  const close = () => {
    // What is behind an open dialog takes no focus.
    dialog.current?.close();
    asked.value = undefined;
    from?.focus();
  };
  const submit = async (event) => {
    event.preventDefault();
    if (isRunning) return;
    const data = new FormData(event.currentTarget);
    setRunning(true);
    setProblem('');
    try {
      outcome.value = { tone: 'ok', text: await run(subject, Object.fromEntries(data)) };
      close();
      onDone?.();
    } catch (error) {
      setProblem(error.message);
      setRunning(false);
    }
  };

  return html`<dialog ref=${dialog} class="card" aria-labelledby="action-title" onCancel=${close}>
    <form onSubmit=${submit} autocomplete="off">
      <h2 id="action-title" dir="auto">${title(subject)}</h2>
      ${fields.map((field) => html`<${Field} key=${field.name} ...${field} initial=${initial[field.name] ?? field.initial} />`)}
      <p class="problem" role="alert">${problem}</p>
      <div class="buttons">
        <button class=${isGrave ? 'primary grave' : 'primary'} aria-disabled=${isRunning}>${confirm}</button>
        <button type="button" onClick=${close}>Cancel</button>
      </div>
    </form>
  </dialog>`;
}

const Field = ({ name, label, type = 'text', required = false, initial = '', isMono = false }) =>
  type === 'checkbox'
    ? html`<label class="check" for=${`action-${name}`}
        ><input id=${`action-${name}`} name=${name} type="checkbox" /><span>${label}</span></label
      >`
    : html`<label class="field" for=${`action-${name}`}>
        <span>${label}</span>
        <input
          id=${`action-${name}`}
          name=${name}
          class=${isMono ? 'mono' : ''}
          required=${required}
          defaultValue=${initial}
          value=${initial}
          spellcheck=${false}
        />
      </label>`;

/** What the last action came to, said aloud too. */
export function Outcome() {
  const last = outcome.value;
  useEffect(() => {
    if (last === undefined) return undefined;
    const timer = setTimeout(() => (outcome.value = undefined), 8_000);
    return () => clearTimeout(timer);
  }, [last]);
  return html`<p class="outcome" role="status" data-tone=${last?.tone} dir="auto">${last?.text ?? ''}</p>`;
}
