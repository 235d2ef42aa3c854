import { STATUS_CODES, validateHeaderName, validateHeaderValue, type ServerResponse } from 'node:http';

/** What is private of a response. */
interface ResponseInternals {
  readonly _storeHeader?: (start: string, headers: readonly string[]) => void;
  readonly _expect_continue?: boolean;
}

/**
 * The head of responses that all have the same headers, but for the length of their bodies.
 *
 * Node.js checks each name and value by two regular expressions, and puts the head together piece by piece, for every
 * response anew: of an answer to a small request that is a tenth. Here it is done once. Date and connection are Node's.
 */
export class FixedHead {
  private readonly lines: string;

  /** @param headers without any that Node.js adds by itself */
  constructor(private readonly headers: readonly (readonly [name: string, value: string])[]) {
    for (const [name, value] of headers) {
      validateHeaderName(name);
      validateHeaderValue(name, value);
    }
    this.lines = headers.map(([name, value]) => `${name}: ${value}\r\n`).join('');
  }

  /** Writes the head, with the status that the response has. */
  write(response: ServerResponse, contentLength: number): void {
    const { statusCode } = response;
    const length = ['Content-Length', String(contentLength)];
    const internals = response as ResponseInternals;
    const isPlain =
      typeof internals._storeHeader === 'function' &&
      !internals._expect_continue &&
      !response.headersSent &&
      response.getHeaderNames().length === 0;
    if (!isPlain) {
      response.writeHead(statusCode, [...this.headers.flat(), ...length]);
      return;
    }
    response.statusMessage ||= STATUS_CODES[statusCode] ?? 'unknown';
    internals._storeHeader!(`HTTP/1.1 ${statusCode} ${response.statusMessage}\r\n${this.lines}`, length);
  }
}
