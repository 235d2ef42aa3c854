/** Data of a view: asked for when it opens and again when somebody wants it anew; never pushed. [G2] */
import { html, useEffect, useState } from './html.js';

/**
 * `{data, error, reload, at}` of an asynchronous question; asked anew when one of `inputs` changes. What was asked for
 * before is dropped when it comes late.
 *
 * @param everyMs asked again that often while somebody looks; not at all by default
 */
export function useLoad(question, inputs, everyMs = 0) {
  const [state, setState] = useState({ data: undefined, error: undefined, at: 0 });
  const [turn, setTurn] = useState(0);
  const inputsKey = JSON.stringify(inputs);
  useEffect(() => setState({ data: undefined, error: undefined, at: 0 }), [inputsKey]);
  useEffect(() => {
    let isCurrent = true;
    let timer;
    const load = async () => {
      if (everyMs > 0 && document.hidden) return again();
      try {
        const data = await question();
        if (isCurrent) setState({ data, error: undefined, at: Date.now() });
      } catch (error) {
        if (isCurrent) setState((old) => ({ ...old, error }));
      }
      again();
    };
    const again = () => {
      if (isCurrent && everyMs > 0) timer = setTimeout(() => void load(), everyMs);
    };
    void load();
    return () => {
      isCurrent = false;
      clearTimeout(timer);
    };
  }, [inputsKey, turn]);
  return { ...state, reload: () => setTurn((now) => now + 1) };
}

/** What to show while nothing is there, and what went wrong. */
export function Waiting({ error }) {
  return error === undefined
    ? html`<p class="empty" role="status">Asking the gateway…</p>`
    : html`<p class="notice" data-tone="bad" role="alert">${error.message}</p>`;
}
