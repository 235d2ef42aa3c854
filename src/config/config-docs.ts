/** Makes the `--help` text and `docs/configuration.md` from the table of keys. [C1] */
import { ConfigError, loadConfig } from './config.js';
import { CONFIG_KEY_LIST, KEY_GROUPS, type KeyDefinition } from './keys.js';

const HELP_COLUMNS = 100;

/** A default as it would be written in the environment; empty when there is none. */
function defaultText({ default: value }: KeyDefinition): string {
  if (value === undefined) return '';
  return Array.isArray(value) ? value.join(',') : String(value);
}

const keysOf = (group: string) => CONFIG_KEY_LIST.filter(([, key]) => key.group === group);

/** Parts a text into lines of at most so many characters, at spaces. */
function wrap(text: string, columns: number): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    if (line !== '' && line.length + 1 + word.length > columns) {
      lines.push(line);
      line = word;
    } else {
      line = line === '' ? word : `${line} ${word}`;
    }
  }
  return [...lines, line];
}

/** The text that `--help` prints: every key with its type and default, at most 100 columns wide. */
export function renderHelp(): string {
  const nameColumns = Math.max(...CONFIG_KEY_LIST.map(([, key]) => key.env.length)) + 4;
  const lines = [
    'Switchboard, a self-hosted real-time gateway for Socket.IO clients.',
    '',
    'Set these environment variables; lists are comma-separated, and an empty value counts as not set.',
    'With nothing set it listens on http://127.0.0.1:3000 in open mode: everyone who reaches it may do',
    'everything. As soon as a JWT key or an API key is set, what is not granted is refused.',
    'A secret can stand in a file: SWITCHBOARD_JWT_SECRET_FILE=/run/secrets/jwt.',
  ];
  for (const group of KEY_GROUPS) {
    lines.push('', `${group}:`);
    for (const [, key] of keysOf(group)) {
      const details = [
        plain(key.schema.description ?? ''),
        key.unit,
        defaultText(key) && `default ${defaultText(key)}`,
      ];
      const text = [
        ...wrap(plain(key.description), HELP_COLUMNS - nameColumns),
        ...wrap(`(${details.filter(Boolean).join('; ')})`, HELP_COLUMNS - nameColumns),
      ];
      for (const [index, line] of text.entries()) {
        lines.push((index === 0 ? `  ${key.env}` : '').padEnd(nameColumns) + line);
      }
    }
  }
  return `${lines.join('\n')}\n`;
}

/** Markdown code spans as plain text. */
const plain = (markdown: string): string => markdown.replaceAll('`', '');

/** Text that stays in its cell of a Markdown table. */
const cell = (text: string): string => text.replaceAll('|', '\\|');

const code = (text: string): string => (text === '' ? '–' : `\`${text}\``);

/** `docs/configuration.md`; the generator passes it through prettier. */
export function renderConfigurationPage(): string {
  return [
    '# Configuration',
    '<!-- Made from src/config/keys.ts by `node scripts/generate-docs.js`. Change it there. -->',
    INTRO,
    ...KEY_GROUPS.map((group) => `## ${group}\n\n${renderTable(group)}`),
    FORMATS,
    `## When something is wrong\n\n${PROBLEMS}\n\n${renderProblemExample()}`,
  ].join('\n\n');
}

function renderTable(group: string): string {
  const rows = keysOf(group).map(([option, key]) => {
    const description = key.secret ? `${key.description} **Secret.**` : key.description;
    return [
      code(key.env),
      code(option),
      key.schema.description ?? '',
      key.unit ?? '–',
      code(defaultText(key)),
      description,
    ];
  });
  const head = ['Key', 'Option', 'Type', 'Unit', 'Default', 'What it does'];
  return [head, head.map(() => '---'), ...rows].map((row) => `| ${row.map(cell).join(' | ')} |`).join('\n');
}

const INTRO = `
Switchboard is configured by environment variables. They are read once at the start. Lists are comma-separated, and
a variable that is set to nothing counts as not set. \`node dist/main.js --help\` prints the same keys.

Secrets, and the public key, can stand in files, as Docker, Kubernetes and systemd hand them out: put \`_FILE\` behind the
name, \`SWITCHBOARD_JWT_SECRET_FILE=/run/secrets/jwt\`. A line break at the end of the file is left out.

A Nest app that imports the module passes the same keys as options to \`SwitchboardModule.forRoot({ … })\`, named as
in the column _Option_. An option wins over the environment variable.

With nothing set the gateway runs in **open mode** on \`127.0.0.1:3000\`: everyone who reaches it may do everything,
so it refuses to listen on anything but loopback unless \`SWITCHBOARD_OPEN=true\` says that this is meant. As soon as
\`SWITCHBOARD_JWT_SECRET\`, \`SWITCHBOARD_JWT_PUBLIC_KEY\`, \`SWITCHBOARD_JWKS_URL\` or \`SWITCHBOARD_API_KEYS\` is set, it
is in **secured mode**: what a token or an API key does not grant is refused, and \`SWITCHBOARD_OPEN\` has no effect.`.trim();

const FORMATS = `
## Formats

**History** (\`SWITCHBOARD_HISTORY\`): \`pattern=size/ttl\`, for example \`chat:*=100/1h,ticker:*=1/10s\`. A pattern is a
room name, or the start of one followed by \`*\`; the first pattern that matches a room wins, and rooms that none matches
keep nothing. The size is 1 to 10000 publications, the time a whole number of \`ms\`, \`s\`, \`m\`, \`h\` or \`d\` (at most
\`24d\`).

**API keys** (\`SWITCHBOARD_API_KEYS\`): \`name:sha256hex:scope+scope\`, for example
\`billing:9f86d081…0f00a08:read+emit\`. The hash is the SHA-256 of the key in 64 hexadecimal digits; the scopes are \`read\`,
\`emit\`, \`manage\` and \`metrics\`. No two entries have the same name.

**Origins** (\`SWITCHBOARD_CORS_ORIGINS\`): \`https://app.example.com\` or \`http://localhost:5173\`: scheme, host and, unless
it is the default, port. \`null\` stands for pages without an origin, such as local files. \`*\` is refused.

**Redis** (\`SWITCHBOARD_REDIS_URL\`): \`redis://user:password@host:6379/0\`, where all but the host can be left out;
\`rediss://\` is the same over TLS. \`redis+sentinel://user:password@one:26379,two:26379/primary/0\` asks these Sentinels
where the primary of that name is; the user and the password are those of the primary. Sentinels that ask for a login
of their own get the one at the end: \`…/primary/0?sentinel_username=user&sentinel_password=password\`, of which the user
can be left out. With \`rediss+sentinel://\` they and the primary are reached over TLS.
\`redis+cluster://user:password@one:6379,two:6379\` is a Redis Cluster of which some nodes are named,
\`rediss+cluster://\` the same over TLS; a cluster has no databases. Characters like \`@\`, \`/\` and \`&\` in a password
are percent-encoded.

**Changing the JWT secret**: set the new one as \`SWITCHBOARD_JWT_SECRET\`, the old one as
\`SWITCHBOARD_JWT_PREVIOUS_SECRET\`, and in \`SWITCHBOARD_JWT_PREVIOUS_UNTIL\` the time by which all tokens signed with the
old one have expired, such as \`2030-01-31T12:00:00Z\`.`.trim();

const PROBLEMS = `
An unknown \`SWITCHBOARD_*\` key, a bad value, or keys that do not go together stop the start with exit code 1 and one
line per problem: all of them at once. The value of a secret is never printed.`.trim();

const BROKEN_EXAMPLE = {
  HOST: '0.0.0.0',
  SWITCHBOARD_PNIG_INTERVAL_MS: '5000',
  SWITCHBOARD_PING_TIMEOUT_MS: '20s',
  SWITCHBOARD_JWT_PREVIOUS_SECRET: 'x'.repeat(32),
};

/** Real problem lines, so that the page cannot show what the loader does not say. */
function renderProblemExample(): string {
  try {
    loadConfig({ env: BROKEN_EXAMPLE });
  } catch (error) {
    if (error instanceof ConfigError) return `\`\`\`text\n${error.lines.join('\n')}\n\`\`\``;
    throw error;
  }
  throw new Error('the example of a broken configuration is not broken');
}
