/** The connection form: what the next connect uses. */
import { byId, optional, say } from './dom.js';
import { show } from './values.js';

const DEFAULTS = { attempts: '', delayMs: '1000', timeoutMs: '20000', address: 'gateway' };

/** Situations worth seeing, one button each. */
const SCENARIOS = {
  'scenario-nowhere': { attempts: '3', delayMs: '400', timeoutMs: '20000', address: 'nowhere' },
  'scenario-slow': { attempts: '3', delayMs: '400', timeoutMs: '500', address: 'slow' },
  'scenario-normal': DEFAULTS,
};

/** A name for this tab, kept for a reload. The token and the API key are kept nowhere. */
function tabName() {
  const KEY = 'switchboard.user';
  const fresh = `guest-${Math.random().toString(36).slice(2, 6).padEnd(4, '0')}`;
  try {
    const name = sessionStorage.getItem(KEY) ?? fresh;
    sessionStorage.setItem(KEY, name);
    return name;
  } catch {
    return fresh;
  }
}

export class Settings {
  #version = byId('client-version');
  #transports = byId('transports');
  #user = optional('user');
  #info = optional('info');
  #token = optional('token');
  #attempts = byId('attempts');
  #delay = byId('delay');
  #timeout = byId('timeout');
  #address = byId('address');
  #recovery = byId('recovery');

  /** `reconnect()` is called whenever a change is meant to take effect at once. */
  constructor(reconnect) {
    if (this.#user !== null) this.#user.value = tabName();
    this.#version.addEventListener('change', () => {
      this.#offer();
      reconnect();
    });
    this.#transports.addEventListener('change', reconnect);
    byId('settings-form').addEventListener('submit', (event) => {
      event.preventDefault();
      reconnect();
    });
    optional('token-form')?.addEventListener('submit', (event) => {
      event.preventDefault();
      reconnect();
    });
    for (const [id, values] of Object.entries(SCENARIOS)) {
      byId(id).addEventListener('click', () => {
        this.#fill(values);
        reconnect();
      });
    }
    this.#offer();
  }

  /** What to connect with, or undefined when a field is wrong; the field says so itself. */
  read() {
    const option = this.#version.selectedOptions[0];
    const info = this.#readInfo();
    if (info === null) return undefined;
    return {
      generation: option.value,
      release: option.dataset.release,
      source: option.dataset.source,
      transports: this.#transports.value,
      address: this.#address.value,
      attempts: wholeNumber(this.#attempts, Infinity),
      delayMs: wholeNumber(this.#delay, 1_000),
      timeoutMs: wholeNumber(this.#timeout, 20_000),
      recovery: this.#recovery.checked,
      user: this.#user?.value.trim(),
      token: this.#token?.value.trim(),
      info,
    };
  }

  /** `undefined` for none, `null` for text that is not JSON. */
  #readInfo() {
    const text = this.#info?.value.trim();
    const status = byId('settings-status');
    say(status, '');
    if (!text) return undefined;
    try {
      return JSON.parse(text);
    } catch {
      say(status, `Info is not JSON. For plain text write ${show(text)}.`, 'bad');
      this.#info.focus();
      return null;
    }
  }

  #fill({ attempts, delayMs, timeoutMs, address }) {
    this.#attempts.value = attempts;
    this.#delay.value = delayMs;
    this.#timeout.value = timeoutMs;
    this.#address.value = address;
  }

  /** Only 4.x takes part in connection state recovery. */
  #offer() {
    this.#recovery.disabled = this.#version.value !== 'v4';
  }
}

function wholeNumber(field, fallback) {
  const value = Number.parseInt(field.value, 10);
  return Number.isNaN(value) || value < 0 ? fallback : value;
}
