/** What was done and received last, always in view where the screen is small. */
const LONGEST = 160;

const strip = document.getElementById('latest');

function put(id, text, tone) {
  const line = document.getElementById(id);
  line.textContent = text.length > LONGEST ? `${text.slice(0, LONGEST)}…` : text;
  line.dataset.tone = tone;
  strip.hidden = false;
}

export const did = (text, tone = '') => put('latest-did', text, tone);
export const got = (text) => put('latest-got', text, '');
