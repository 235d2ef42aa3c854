/** Makes `docs/errors.md` from the error registry. [E1] */
import { type ErrorCode, type ErrorDefinition, ERRORS, SwitchboardError } from './errors.js';
import { NOTICE } from './events.js';

/** Text that stays in its cell of a Markdown table. */
const cell = (text: string): string => text.replaceAll('|', '\\|');

const json = (value: unknown): string => `\`\`\`json\n${JSON.stringify(value, null, 2)}\n\`\`\``;

function renderTable(): string {
  const definitions = Object.entries(ERRORS) as [ErrorCode, ErrorDefinition][];
  const rows = definitions.map(([code, { status, retryable, message, action }]) => [
    `\`${code}\``,
    String(status),
    retryable ? 'yes' : 'no',
    message,
    action,
  ]);
  const head = ['Code', 'HTTP status', 'Retryable', 'Text', 'What to do'];
  return [head, head.map(() => '---'), ...rows].map((row) => `| ${row.map(cell).join(' | ')} |`).join('\n');
}

const invalidPayload = new SwitchboardError('payload.invalid', {
  errors: [{ path: 'event', message: 'expected 1 to 128 characters' }],
});
const tooManyEvents = new SwitchboardError('limit.rate', { retryAfterMs: 250 });

/** `docs/errors.md`; the generator passes it through prettier. */
export function renderErrorsPage(): string {
  return [
    '# Errors',
    '<!-- Made from src/protocol/errors.ts by `node scripts/generate-docs.js`. Change it there. -->',
    `Every failure has a **code**. Decide by the code and by \`retryable\`; the text is for people and may change. A code
never changes its meaning and is never used again for something else.`,
    `- \`retryable\`: the same request can succeed later without being changed. It can differ from the table where the
  gateway knows better in the case at hand, so read it from the error.
- \`retryAfterMs\`: where waiting helps, how long.
- \`errors\`: for bad input, what is wrong where, as \`[{path, message}]\`. Values are never repeated.`,
    '## How errors reach a client',
    `**The acknowledgement** of a request that failed. Each request is answered exactly once:`,
    json({ ok: false, error: tooManyEvents.toObject() }),
    `**\`${NOTICE.exception}\`**, an event with the same error object as its argument, when the request was sent without
an acknowledgement function.`,
    `**\`connect_error\`**, when the connection is refused. The error object is in \`data\`:`,
    `\`\`\`js
socket.on('connect_error', (error) => {
  // No data: the server was not reached, and the client tries again by itself.
  if (error.data?.code === 'auth.token_expired') fetchToken().then((token) => ((socket.auth = { token }), socket.connect()));
});
\`\`\``,
    `A refused **4.x** client does not try again by itself, whatever \`retryable\` says: call \`socket.connect()\` when it
is true. 2.x and 3.x clients come back by themselves after a refusal that is retryable, and stay away after any other.
Socket.IO **2.x** clients get the same object as the argument of the event \`error\`.`,
    `**\`${NOTICE.serverDisconnect}\`**, an event that comes right before the gateway ends a socket, with the reason as an
error object. When \`retryable\` is true, stock clients reconnect by themselves; otherwise they do not, and they should
not.`,
    '## How errors reach a backend',
    `Over HTTP an error is a problem document (RFC 9457) with the content type \`application/problem+json\`. Beside the
standard members it holds \`code\`, \`retryable\` and, for bad input, \`errors\`:`,
    json({
      title: 'Bad Request',
      status: invalidPayload.status,
      detail: invalidPayload.message,
      ...withoutMessage(invalidPayload),
    }),
    `In a batch, each command that failed has \`{"ok": false, "error": {…}}\`, with the error object, at its place in
\`results\`; the request itself answers 200.`,
    '## All codes',
    renderTable(),
  ].join('\n\n');
}

/** A problem document carries the text as `detail`. */
function withoutMessage(error: SwitchboardError): object {
  const { message: _message, ...rest } = error.toObject();
  return rest;
}
