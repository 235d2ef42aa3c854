/**
 * Loads one Socket.IO client at a time.
 *
 * All three generations define `window.io`. Each is taken from there as soon as its script has run and kept here,
 * so that they never see each other.
 */
const loaded = new Map();

/** The `io` of a generation; `source` is where its script is. */
export function loadClient(generation, source) {
  let pending = loaded.get(generation);
  if (pending === undefined) {
    // In a row, never side by side: two scripts that run at the same time would fight over `window.io`.
    const before = [...loaded.values()].at(-1) ?? Promise.resolve();
    pending = before.then(
      () => run(source),
      () => run(source),
    );
    loaded.set(generation, pending);
    pending.catch(() => loaded.delete(generation));
  }
  return pending;
}

function run(source) {
  return new Promise((resolve, reject) => {
    const script = document.createElement('script');
    script.src = source;
    script.addEventListener('load', () => {
      const { io } = window;
      delete window.io;
      if (typeof io === 'function') resolve(io);
      else reject(new Error(`${source} defined no client`));
    });
    script.addEventListener('error', () => reject(new Error(`${source} could not be loaded`)));
    document.head.append(script);
  });
}
