#!/usr/bin/env node
import { parseArgs } from 'node:util';
import { createApiKey, signDevelopmentToken } from './access/dev-tools.js';
import type { Capability } from './protocol/capabilities.js';
import { ConfigError, loadConfig } from './config/config.js';
import { loadProcessConfig } from './config/process-config.js';
import { API_KEY_SCOPES } from './config/credentials.js';
import { parseDuration } from './config/values.js';
import { SwitchboardError } from './protocol/errors.js';

const USAGE = `switchboard start
    Starts the gateway; settings are environment variables, which switchboard start --help lists.

switchboard keys create --name NAME --scopes ${API_KEY_SCOPES.join(',')}
    Prints a new API key and its entry for SWITCHBOARD_API_KEYS. The key is stored nowhere.

switchboard token --user USER [--caps JSON] [--info JSON] [--ttl 1h]
    Prints a token signed with SWITCHBOARD_JWT_SECRET, to try things with. --caps as in the token:
    '[{"room":"chat:*","allow":["join","emit","presence","history"]}]'

switchboard --help
`;

/** What is wrong with the command line; the text is for whoever typed it. */
class UsageError extends Error {}

try {
  process.stdout.write(await run(process.argv.slice(2)));
} catch (error) {
  process.stderr.write(`${explain(error)}\n`);
  process.exitCode = 1;
}

async function run(args: string[]): Promise<string> {
  const [command, subcommand] = args;
  if (command === 'start') return startGateway();
  if (args.includes('--help') || args.includes('-h')) return USAGE;
  if (command === 'keys' && subcommand === 'create') return createKey(args.slice(2));
  if (command === 'token') return createToken(args.slice(1));
  if (command === undefined) return USAGE;
  throw new UsageError(`unknown command: ${args.join(' ')}\n\n${USAGE}`);
}

/** The service in this process, so that signals reach it; it reads what is behind `start` itself. */
async function startGateway(): Promise<string> {
  process.argv.splice(2, 1);
  await import('./main.js');
  return '';
}

function createKey(args: string[]): string {
  const { values } = parseArgs({ args, options: { name: { type: 'string' }, scopes: { type: 'string' } } });
  const name = required('name', values.name);
  const scopes = required('scopes', values.scopes).split(/[,+]/);
  const unknown = scopes.filter((scope) => !(API_KEY_SCOPES as readonly string[]).includes(scope));
  if (unknown.length > 0) {
    throw new UsageError(`--scopes: ${unknown.join(', ')} is not one of ${API_KEY_SCOPES.join(', ')}`);
  }
  const { key, entry } = createApiKey(name, scopes);
  // The entry must be one that the gateway takes, for example in what a name may be.
  loadConfig({ options: { apiKeys: entry } });
  return `key:    ${key}\nentry:  ${entry}\n`;
}

async function createToken(args: string[]): Promise<string> {
  const { values } = parseArgs({
    args,
    options: {
      user: { type: 'string' },
      caps: { type: 'string' },
      info: { type: 'string' },
      ttl: { type: 'string', default: '1h' },
    },
  });
  const config = loadProcessConfig();
  if (config.jwtSecret === undefined)
    throw new UsageError('set SWITCHBOARD_JWT_SECRET to the secret of your gateway');
  const ttlMs = parseDuration(values.ttl);
  if (!ttlMs) throw new UsageError('--ttl: expected a whole number of ms, s, m, h or d, such as 90s');
  const token = await signDevelopmentToken({
    secret: config.jwtSecret,
    user: required('user', values.user),
    caps: values.caps === undefined ? undefined : (json('caps', values.caps) as Capability[]),
    info: values.info === undefined ? undefined : json('info', values.info),
    ttlMs,
    issuer: config.jwtIssuer,
    audience: config.jwtAudience,
  });
  return `${token}\n`;
}

function required(option: string, value: string | undefined): string {
  if (value === undefined || value === '') throw new UsageError(`--${option} is required\n\n${USAGE}`);
  return value;
}

function json(option: string, text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    throw new UsageError(`--${option}: expected JSON`);
  }
}

function explain(error: unknown): string {
  if (error instanceof ConfigError) return error.lines.join('\n');
  if (error instanceof SwitchboardError) {
    return (error.errors ?? []).map(({ path, message }) => `${path}: ${message}`).join('\n') || error.message;
  }
  return error instanceof Error ? error.message : String(error);
}
