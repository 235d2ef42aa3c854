/** The one publication that every peer sends. */

export const EVENT = 'news';

/** What one publication takes on the wire: WebSocket frame header and payload. */
export const FRAME_BYTES = 123;

const HEADER_BYTES = 2;
const packet = (/** @type {object} */ body) => `42${JSON.stringify([EVENT, body])}`;
const padding = FRAME_BYTES - HEADER_BYTES - packet({ id: 1, text: '' }).length;

export const BODY = { id: 1, text: 'x'.repeat(padding) };

/** The same bytes for a peer that does not speak Socket.IO; built anew, as encoding is part of publishing. */
export const encodeMessage = () => packet(BODY);
