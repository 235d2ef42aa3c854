/**
 * Where the gateway is, as this page sees it: behind a proxy that adds a path, with that path.
 *
 * It ends in a slash. Everything the page asks for is under it.
 */
export const BASE = new URL('..', import.meta.url);

/** A path of the gateway, as the browser has to ask for it. */
export const pathOf = (path) => new URL(path, BASE).pathname;
