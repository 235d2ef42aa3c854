/** What the words on the page mean: shown when one is pointed at, tapped or focused. */
import { byId, el } from './dom.js';

const MEANINGS = {
  socket:
    'A socket is one client that is connected: one window, one phone. Its ID lasts as long as the connection.',
  transport:
    'How the bytes travel. Clients begin with HTTP long polling, which gets through everywhere, and upgrade to WebSocket.',
  'round-trip': 'How long a request takes to the gateway and back, measured every three seconds.',
  user: 'Who the socket belongs to. A user with two windows has two sockets; what is sent to the user reaches both.',
  node: 'One process of the gateway. With Redis there can be many, and they are one gateway.',
  token: 'A JWT that says who the user is and what it may do. Your backend signs it when somebody logs in.',
  'api-key': 'What a backend shows to the HTTP API. Its scopes say what it may do; this needs emit.',
  broadcast: 'Sending one event to everyone who is connected. Backends do it with one HTTP request.',
  event: 'The name under which something is sent. Whoever listens to that name gets the arguments.',
  echo: 'Whether what this socket sends to a room comes back to it as well.',
  room: 'A named group of sockets. What is sent to a room reaches those who are in it.',
  positions:
    'With positions the page knows how much of the room it has seen, and asks for what it missed when it comes back.',
  recovery:
    'A client that asks for it comes back as the same socket, and is sent what it missed while it was away.',
  lifecycle: 'What a client lives through: it connects, is cut off, tries again, comes back, or gives up.',
};

const text = byId('term-text');
let shownBy;

/** Makes a button of each word that has a meaning, and shows it near. */
export function explainTerms() {
  for (const place of document.querySelectorAll('[data-term]')) {
    const button = el(
      'button',
      { type: 'button', class: 'term', 'aria-describedby': 'term-text' },
      ...place.childNodes,
    );
    place.append(button);
    button.addEventListener('pointerenter', () => show(button, place.dataset.term));
    button.addEventListener('pointerleave', hide);
    button.addEventListener('focus', () => show(button, place.dataset.term));
    button.addEventListener('blur', hide);
    button.addEventListener('click', (event) => {
      event.preventDefault(); // In a label it would go to the field.
      show(button, place.dataset.term);
    });
  }
  document.addEventListener('keydown', ({ key }) => {
    if (key === 'Escape') hide();
  });
  // Not hidden: a word that is tapped at the edge scrolls into view a moment after its tap.
  window.addEventListener('scroll', follow, { passive: true });
}

function show(button, term) {
  shownBy = button;
  text.textContent = MEANINGS[term];
  text.hidden = false;
  place(button);
}

function place(button) {
  const { left, bottom, top } = button.getBoundingClientRect();
  const { width, height } = text.getBoundingClientRect();
  const x = Math.max(8, Math.min(left, innerWidth - width - 8));
  const y = bottom + 6 + height > innerHeight ? top - height - 6 : bottom + 6;
  text.style.setProperty('left', `${x}px`);
  text.style.setProperty('top', `${y}px`);
}

/** The meaning stays by its word, and goes with it out of view. */
function follow() {
  if (shownBy === undefined) return;
  const { bottom, top } = shownBy.getBoundingClientRect();
  if (bottom < 0 || top > innerHeight) hide();
  else place(shownBy);
}

function hide() {
  if (shownBy === undefined) return;
  shownBy = undefined;
  text.hidden = true;
}
