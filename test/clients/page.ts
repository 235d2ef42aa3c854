/** docs/clients.md: its text is written by hand, its table and its snippets are put in from what runs. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { format, resolveConfig } from 'prettier';
import { TRANSPORTS, type Transport } from './driver.js';
import { CLIENTS, type Client } from './languages.js';
import { FEATURES, type Feature, type Outcome, type Outcomes } from './features.js';
import { FOLDER } from './toolchains.js';

export const PAGE = join(FOLDER, '../../docs/clients.md');

/** What was measured, and with which versions. */
export interface Known {
  readonly versions: Readonly<Record<string, string>>;
  readonly outcomes: Readonly<Record<string, Readonly<Record<Transport, Outcomes>>>>;
}

const NAMES: Readonly<Record<Transport, string>> = {
  polling: 'polling',
  websocket: 'WebSocket',
  upgrade: 'upgrade',
};

/** The page as it has to be. */
export async function pageOf(page: string, known: Known): Promise<string> {
  let made = put(page, 'table', tableOf(known));
  const shown = new Set<string>();
  for (const client of CLIENTS) {
    const { source } = client.snippet;
    made = put(made, `snippet ${client.name}`, snippetOf(client, shown.has(source)));
    shown.add(source);
  }
  return format(made, { ...(await resolveConfig(PAGE)), parser: 'markdown' });
}

function put(page: string, name: string, text: string): string {
  const place = new RegExp(`(<!-- ${name} -->\n)[^]*?(<!-- end -->)`);
  if (!place.test(page)) throw new Error(`docs/clients.md has no place for ${name}`);
  return page.replace(place, (_, begin: string, end: string) => `${begin}\n${text}\n\n${end}`);
}

function tableOf({ versions, outcomes }: Known): string {
  const heads = CLIENTS.map(({ name, column }) => `${column} ${versions[name]}`);
  const rows = (Object.keys(FEATURES) as Feature[]).map((feature) => [
    FEATURES[feature],
    ...CLIENTS.map(({ name }) => cellOf(outcomes[name]!, feature)),
  ]);
  const lines = [['It …', ...heads], ['---', ...heads.map(() => '---')], ...rows];
  return lines.map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}

function cellOf(outcomes: Readonly<Record<Transport, Outcomes>>, feature: Feature): string {
  const connecting = TRANSPORTS.filter((transport) => outcomes[transport].connects === 'yes');
  const found = new Set(connecting.map((transport) => outcomes[transport][feature]));
  if (feature !== 'connects' && found.size === 1) return markOf([...found][0]);
  return connecting
    .map((transport) => {
      const outcome = outcomes[transport][feature];
      return outcome === 'yes' ? NAMES[transport] : `${NAMES[transport]}: ${markOf(outcome)}`;
    })
    .join(', ');
}

const markOf = (outcome: Outcome | undefined): string => (outcome === 'yes' ? outcome : `**${outcome}**`);

/** Where a reader's gateway is, what stands for a token, and a room. */
const ARGUMENTS = 'http://127.0.0.1:3000 none chat:1';

/** What a reader does in an empty folder; the program itself where it has not been shown before. */
function snippetOf({ language, snippet: { source }, steps }: Client, isKnown: boolean): string {
  const shell = `${steps.install}\n${steps.run} ${ARGUMENTS}`;
  const commands = `\`\`\`sh\n${shell}\n\`\`\``;
  if (isKnown) return commands;
  const program = readFileSync(join(FOLDER, source), 'utf8').trim();
  return `\`${steps.saveAs}\`:\n\n\`\`\`${language}\n${program}\n\`\`\`\n\n${commands}`;
}
