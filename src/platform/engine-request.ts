import type { IncomingMessage } from 'node:http';

/** The parameters of a request, as Engine.IO has read them. */
export type Query = Readonly<Record<string, string | undefined>>;

const NO_QUERY: Query = Object.freeze({});

/** The query of a request to Engine.IO, which reads it before it asks anybody about the request. */
export const queryOf = (request: IncomingMessage): Query =>
  (request as { readonly _query?: Query })._query ?? NO_QUERY;
