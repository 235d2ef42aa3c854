import { createRequire } from 'node:module';

/** What the three generations of the JavaScript client have in common. */
export interface AnySocket {
  readonly id?: string;
  readonly connected: boolean;
  readonly io: {
    on(event: string, listener: (...args: unknown[]) => void): unknown;
    readonly engine: { readonly id?: string; close(): void; readonly transport: { readonly name: string } };
  };
  on(event: string, listener: (...args: unknown[]) => void): unknown;
  emit(event: string, ...args: unknown[]): unknown;
  open(): unknown;
  close(): unknown;
  onAny?: (listener: (event: string, ...args: unknown[]) => void) => unknown;
  /** 2.x only. */
  onevent?: (packet: { data?: unknown[] }) => void;
}

type Connect = (url: string, options: Record<string, unknown>) => AnySocket;

// Both are CommonJS packages; 2.x comes without types.
const require = createRequire(import.meta.url);

/** The 2.x client. */
export const io2 = require('socket.io-client-v2') as Connect;
/** The 3.x client. */
export const io3 = (require('socket.io-client-v3') as { io: Connect }).io;
