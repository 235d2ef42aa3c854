import type { RemoteEvents } from '../../backend/remote-events.js';
import { isReservedEvent } from '../../protocol/names.js';
import { endSocket } from '../../sockets/end-socket.js';
import type { GatewaySocket } from '../../sockets/socket-state.js';
import type { Answers } from './answers.js';
import type { Reply } from './reply.js';

/** Has a backend answer an event. Never rejects; `undefined` when no backend takes it. [B1] */
export function askRemote(
  { answers, remote }: { readonly answers: Answers; readonly remote: RemoteEvents | undefined },
  socket: GatewaySocket,
  { event: [name, ...args], reply }: { readonly event: readonly unknown[]; readonly reply: Reply },
): Promise<void> | undefined {
  if (typeof name !== 'string' || isReservedEvent(name)) return undefined;
  const handling = remote?.handlerOf(name)?.handle(socket, name, args);
  if (!handling) return undefined;
  return handling.then(
    (outcome) => {
      if ('end' in outcome) {
        // The request is answered before its socket ends. [M1]
        answers.refuse(reply, outcome.end);
        void endSocket(socket, outcome.end);
        return;
      }
      const { data } = outcome;
      answers.send(reply, [data === undefined ? { ok: true } : { ok: true, data }]);
    },
    (failure: unknown) => answers.fail(reply, failure),
  );
}
