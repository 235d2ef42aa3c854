/** What of a sample is a trouble, in words; pure. [G3] */
import { number, words } from './text.js';

const LAG_MS = { bad: 500, wait: 100 };

/** `[{tone, text, to?}]`, the worst first. */
export function troublesOf({ health, byNode }) {
  const troubles = [
    ...ofHealth(health),
    ...Object.entries(byNode).flatMap(([node, figures]) => ofNode(node, figures)),
  ];
  return troubles.toSorted((one, other) => (one.tone === 'bad' ? 0 : 1) - (other.tone === 'bad' ? 0 : 1));
}

function ofHealth({ error = {}, details = {} } = {}) {
  const troubles = Object.entries(error).map(([part, { state, reason }]) => ({
    tone: 'bad',
    text: `The ${part} is ${state ?? 'down'}${reason ? `: ${reason}` : ''}`,
    to: 'nodes',
  }));
  for (const [part, text] of failingParts(details))
    troubles.push({ tone: 'bad', text, to: 'backends', part });
  return troubles;
}

/** The states of a part of `/health/ready`, by name. */
export const statesOf = (check) => Object.entries(check).filter(([name]) => name !== 'status');

/** The parts of `/health/ready` beside the gateway and its engine: remote handlers, webhooks, brokers. */
export const otherParts = (details) =>
  Object.entries(details).filter(([part]) => part !== 'gateway' && part !== 'engine');

/** Those whose state is not what it should be, in words. */
export const failingParts = (details) =>
  otherParts(details).flatMap(([part, check]) =>
    statesOf(check)
      .filter(([, state]) => isFailing(state))
      .map(([name, state]) => [part, `${words(part)}: ${name} is ${stateText(state?.state ?? state)}`]),
  );

const STATES = {
  open: 'open: it failed too often, and is not asked for a while',
  stopped: 'stopped: it answered 410, and is sent nothing until a test reaches it',
};

export const stateText = (state) => STATES[state] ?? words(String(state));

const FINE = new Set(['up', 'ok', 'ready', 'closed', 'connected', 'idle', 'delivering', 'active']);

export function isFailing(state) {
  const word = typeof state === 'object' && state !== null ? state.state : state;
  return typeof word === 'string' && !FINE.has(word);
}

function ofNode(node, { refusals, undelivered, failures, stalls, lagMs, refusedNow }) {
  const troubles = [];
  const add = (tone, text, to = 'nodes') => troubles.push({ tone, text, to });
  if (stalls > 0) add('bad', `Node ${node} stood still for more than a second in the last minute`);
  if (lagMs >= LAG_MS.bad)
    add(
      'bad',
      `Node ${node} was overloaded in the last minute: its timers were ${number(Math.round(lagMs))} ms late`,
    );
  else if (lagMs >= LAG_MS.wait)
    add(
      'wait',
      `Node ${node} lagged in the last minute: its timers were ${number(Math.round(lagMs))} ms late`,
    );
  if (failures > 0)
    add('bad', `Handlers or hooks on node ${node} failed in the last minute; its log says why`);
  if (undelivered > 0)
    add(
      'wait',
      `Publications were dropped on node ${node} in the last minute: volatile ones, or for clients that do not read`,
    );
  if (refusals > 0) {
    const codes = refusedNow.map(([code, count]) => `${count} × ${code}`).join(', ');
    add('wait', `Node ${node} refused clients in the last minute${codes === '' ? '' : `: ${codes}`}`);
  }
  return troubles;
}
