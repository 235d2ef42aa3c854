/** Puts the page together: each part shows one concern and hears of the connection through its events. */
import { Connection } from './connection.js';
import { byId, copyButton, isAvailable, optional, setAvailable } from './dom.js';
import { Emitter } from './emit.js';
import { FirstSteps } from './first-steps.js';
import { Incoming } from './incoming.js';
import { did, got } from './latest.js';
import { LifecyclePanel } from './lifecycle-panel.js';
import { Rooms } from './rooms.js';
import { RoundTrip } from './roundtrip.js';
import { Settings } from './settings.js';
import { explainTerms } from './terms.js';
import { showArgs } from './values.js';

const STATES = {
  idle: 'Disconnected',
  connecting: 'Connecting',
  connected: 'Connected',
  retrying: 'Reconnecting',
  refused: 'Refused',
  ended: 'Ended by the server',
  failed: 'Gave up',
};

const connection = new Connection();
const panel = new LifecyclePanel();
const incoming = new Incoming();
const steps = new FirstSteps(connection);
const here = { user: undefined, room: undefined };
let release = '';
let generation = 'v4';
let freshlyConnected = false;

const rooms = new Rooms(connection, {
  onSelect: (room) => (here.room = room),
  onPublication: (publication, origin) => incoming.add({ ...publication, origin }),
});
const settings = new Settings(connect);
new Emitter(connection, () => ({ ...here, socketId: connection.socketId }));

const roundTrip = new RoundTrip(connection, (info) => {
  rooms.refresh();
  here.user = info.user;
  byId('user-shown').textContent = info.user ?? '–';
  byId('node').textContent = info.node ?? '–';
  const afterConnect = freshlyConnected;
  freshlyConnected = false;
  void rooms.sync(info, afterConnect);
});

function connect() {
  const chosen = settings.read();
  if (chosen === undefined) return;
  release = chosen.release;
  panel.describe(chosen.generation);
  drawClient(chosen.generation);
  generation = chosen.generation;
  void connection.connect(chosen);
}

function drawClient(generation) {
  byId('client').textContent = release;
  byId('protocol').textContent = generation === 'v2' ? 'EIO 3 · protocol 4' : 'EIO 4 · protocol 5';
}

function drawState({ name, detail }) {
  document.body.dataset.state = name;
  const state = byId('state');
  if (state.textContent !== STATES[name]) state.textContent = STATES[name];
  state.dataset.state = name;
  byId('state-detail').textContent = detail;
  did(`${STATES[name]}${detail === '' ? '' : `, ${detail}`}`);

  const connected = name === 'connected';
  steps.draw({ generation, socketId: connected ? connection.socketId : undefined });
  drawStory(connected);
  byId('socket-id').textContent = connected ? connection.socketId : '–';
  setAvailable(byId('copy-id'), connected);
  setAvailable(byId('break'), connected);
  setAvailable(byId('connect'), !connected && name !== 'connecting');
  setAvailable(byId('disconnect'), connected || name === 'connecting' || name === 'retrying');
  if (!connected) {
    roundTrip.stop();
    drawTransport({ name: '–' });
    byId('user-shown').textContent = '–';
    byId('node').textContent = '–';
    rooms.lost();
  }
}

/** The way to what the console knows of this socket, where there is a console. */
function drawStory(connected) {
  const story = optional('story');
  if (story === null) return;
  story.hidden = !connected;
  if (connected) story.href = `console#/socket/${encodeURIComponent(connection.socketId)}`;
}

function drawTransport({ name, from }) {
  byId('transport').textContent = name;
  byId('transport-path').textContent = from === undefined ? '' : `upgraded from ${from}`;
}

/** A click on a button that is not available now does nothing, and keeps its focus. */
function onClick(id, act) {
  const button = byId(id);
  button.addEventListener('click', () => {
    if (isAvailable(button)) act();
  });
}

connection.addEventListener('state', ({ detail }) => {
  drawState(detail);
  if (detail.name !== 'connected') return;
  freshlyConnected = true;
  drawTransport({ name: connection.transport.name, from: connection.transport.from });
  roundTrip.start();
});
connection.addEventListener('transport', ({ detail }) => {
  if (connection.connected) drawTransport(detail);
});
connection.addEventListener('lifecycle', ({ detail }) => {
  panel.add(detail, release);
  steps.hear(detail.event);
});
connection.addEventListener('packet', ({ detail }) => {
  incoming.add({ ...detail, origin: detail.replayed ? 'replayed' : undefined });
  rooms.hear(detail);
  steps.hear(detail.event);
  got(`${detail.event} ${showArgs(detail.args)}`);
});
connection.addEventListener('detail', ({ detail }) => (byId('state-detail').textContent = detail));

onClick('connect', connect);
onClick('disconnect', () => connection.disconnect());
onClick('break', () => connection.breakTransport());
copyButton(byId('copy-id'), () => connection.socketId);
copyButton(byId('snippet-copy'), () => byId('snippet').textContent);
byId('snippet').textContent = byId('snippet').textContent.replaceAll(
  'http://localhost:3000',
  location.origin,
);

explainTerms();
if (document.body.dataset.connects === 'by itself') {
  drawState({ name: 'idle', detail: '' });
  connect();
} else {
  drawState({ name: 'idle', detail: 'A token comes first.' });
  panel.describe('v4');
  byId('token').focus();
}
