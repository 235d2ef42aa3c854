/** In secured mode nothing is shown before there is a key: its field, and the command that makes one. [G2] */
import { BASE, keyProblem, setKey } from './api.js';
import { html, useEffect, useRef, useState } from './html.js';

const COMMAND = 'node dist/cli.js keys create --name console --scopes read,emit,manage,metrics';

export function KeyGate() {
  const field = useRef();
  const [isAsking, setAsking] = useState(false);
  const [problem, setProblem] = useState(keyProblem.value);
  useEffect(() => field.current.focus(), []);

  const submit = async (event) => {
    event.preventDefault();
    const given = field.current.value.trim();
    if (given === '' || isAsking) return;
    setAsking(true);
    setProblem('');
    const refusal = await tryKey(given);
    setAsking(false);
    if (refusal === undefined) return setKey(given);
    setProblem(refusal);
    field.current.select();
  };

  return html`<section class="card gate" aria-labelledby="gate-heading">
    <h2 id="gate-heading">This gateway is secured</h2>
    <p>Give an API key to see what happens on it.</p>
    <form onSubmit=${submit} autocomplete="off">
      <label class="field" for="key">
        <span>API key <em>kept in this tab only, gone when you close it</em></span>
        <input
          id="key"
          ref=${field}
          type="password"
          autocomplete="off"
          spellcheck=${false}
          aria-describedby="key-problem"
          aria-invalid=${problem !== ''}
        />
      </label>
      <p id="key-problem" class="problem" role="alert">${problem}</p>
      <button class="primary" aria-disabled=${isAsking}>Open the console</button>
    </form>
    <h3>No key yet?</h3>
    <p>Where the gateway is installed:</p>
    <pre tabindex="0"><code>${COMMAND}</code></pre>
    <p>
      It prints a key, which you paste above, and its entry, which belongs into
      <code>SWITCHBOARD_API_KEYS</code>; then restart the gateway. <code>read</code> shows,
      <code>metrics</code> draws the plots, <code>emit</code> and${' '} <code>manage</code> act: leave out
      what you do not want to do here.
    </p>
  </section>`;
}

/** Why a key is not taken, or undefined. */
async function tryKey(given) {
  try {
    const { ok, status } = await fetch(new URL('v1/stats', BASE), {
      cache: 'no-store',
      credentials: 'omit',
      headers: { authorization: `Bearer ${given}` },
    });
    if (ok) return undefined;
    if (status === 401) return 'The gateway does not know this key.';
    if (status === 403) return 'This key may not read: make one with the scope read.';
    return `The gateway answered ${status}; try again.`;
  } catch {
    return 'The gateway does not answer, or what you gave is no key.';
  }
}
