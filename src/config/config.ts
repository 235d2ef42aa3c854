/** Loads the configuration: parsed once at start, frozen, then injected. [C1] [C2] */
import { ConfigError, type ConfigProblem, printable, showValue } from './config-error.js';
import {
  CONFIG_KEY_LIST,
  CONFIG_KEYS,
  type ConfigValues,
  type KeyDefinition,
  type OptionName,
} from './keys.js';
import { type GatewayMode, modeOf, RELATIONS } from './relations.js';
import { readSecretFiles } from './secret-files.js';
import { closestName } from '../protocol/closest-name.js';

export { ConfigError, type ConfigProblem } from './config-error.js';
export type { ConfigValues, OptionName } from './keys.js';
export type { GatewayMode } from './relations.js';

/** The whole configuration, checked and frozen. */
export interface SwitchboardConfig extends ConfigValues {
  /** Derived: `secured` as soon as a JWT key or an API key is set. [C4] */
  readonly mode: GatewayMode;
}

type OptionValue<Value> = NonNullable<Value> extends number | boolean | string ? Value : Value | string;

/**
 * The configuration as in-process options; what is not given comes from the environment.
 *
 * Lists and times can also be written as in the environment.
 */
export type SwitchboardOptions = {
  readonly [Name in Exclude<OptionName, 'handlers'>]?: OptionValue<ConfigValues[Name]>;
} & {
  /** Also as an object: URLs by pattern. */
  readonly handlers?: OptionValue<ConfigValues['handlers']> | Readonly<Record<string, string>>;
};

/** Where the configuration comes from. */
export interface ConfigSources {
  /** Environment variables. An empty one counts as not set. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** In-process options; they win over the environment. */
  readonly options?: SwitchboardOptions;
}

/** What a client may ask for beside its rooms when it is back. */
const SPARE_EVENTS = 72;

const ENV_PREFIX = 'SWITCHBOARD_';

const withoutPrefix = (name: string): string =>
  name.startsWith(ENV_PREFIX) ? name.slice(ENV_PREFIX.length) : name;

/** What Kubernetes puts into the environment of every pod beside a Service that is named `switchboard`. */
const SERVICE_LINK =
  /^SWITCHBOARD_(?:SERVICE_HOST|SERVICE_PORT(?:_[A-Z0-9_]+)?|PORT(?:_\d+_(?:TCP|UDP|SCTP)(?:_(?:PROTO|PORT|ADDR))?)?)$/;

const isSet = (value: string | undefined): value is string => value !== undefined && value !== '';

/**
 * Reads, checks and freezes the configuration.
 *
 * @throws ConfigError that names every problem: bad values, unknown keys, broken relations
 * @see C2
 */
export function loadConfig({ env: variables = {}, options = {} }: ConfigSources = {}): SwitchboardConfig {
  const { env, problems: fileProblems } = readSecretFiles(variables);
  const problems: ConfigProblem[] = [...unknownVariables(env), ...unknownOptions(options), ...fileProblems];

  const names = new Map<OptionName, string>();
  const given = new Set<OptionName>();
  const rejected = new Set<OptionName>();
  const parsed: Partial<Record<OptionName, unknown>> = {};
  for (const [name, key] of CONFIG_KEY_LIST) {
    const option: unknown = Object.hasOwn(options, name) ? options[name] : undefined;
    const variable = env[key.env];
    const raw = option !== undefined ? option : isSet(variable) ? variable : undefined;
    names.set(name, option !== undefined ? name : key.env);
    if (raw === undefined) {
      parsed[name] = key.default;
      continue;
    }
    given.add(name);
    const result = key.schema.safeParse(raw);
    if (result.success) {
      parsed[name] = result.data;
      continue;
    }
    rejected.add(name);
    const expectations = result.error.issues.map((issue) => expectationOf(issue.message, issue.path));
    for (const expected of new Set(expectations)) {
      problems.push({ key: names.get(name)!, expected, ...shownUnlessSecret(key, raw) });
    }
  }
  // Each key is in the table once and holds what its schema gave or its default; where one was rejected, the
  // relations that need it are skipped and this object is never returned.
  const values = parsed as ConfigValues;
  // A client that is back joins all its rooms at once; a default must not contradict what the operator allows.
  if (!given.has('eventsBurst') && !rejected.has('maxRoomsPerSocket')) {
    parsed.eventsBurst = Math.max(values.eventsBurst, values.maxRoomsPerSocket + SPARE_EVENTS);
  }

  const nameOf = (name: OptionName): string => names.get(name)!;
  for (const { keys, expected, holds, onlyIfSet } of RELATIONS) {
    if (keys.some((name) => rejected.has(name)) || holds(values)) continue;
    if (onlyIfSet !== undefined && !given.has(onlyIfSet)) continue;
    const value: unknown = values[keys[0]];
    problems.push({
      key: nameOf(keys[0]),
      expected: expected(nameOf),
      ...(value === undefined ? {} : shownUnlessSecret(CONFIG_KEYS[keys[0]], value)),
    });
  }

  if (problems.length > 0) throw new ConfigError(problems);
  return deepFreeze({ ...values, mode: modeOf(values) });
}

/** Says which entry of a list is meant; the other parts of a path say no more than the text does. */
function expectationOf(message: string, path: readonly PropertyKey[]): string {
  return typeof path[0] === 'number' ? `entry ${path[0] + 1} to be ${message}` : message;
}

function shownUnlessSecret(key: Pick<KeyDefinition, 'secret' | 'hidden'>, value: unknown): { got?: string } {
  return key.secret || key.hidden ? {} : { got: showValue(value) };
}

const VARIABLES = CONFIG_KEY_LIST.map(([, key]) => key.env);
const OPTIONS = CONFIG_KEY_LIST.map(([name]) => name);

/** The value of an unknown key is never shown: it may be a secret under a misspelt name. */
function unknownVariables(env: Readonly<Record<string, string | undefined>>): ConfigProblem[] {
  const known = new Set(VARIABLES);
  return Object.entries(env)
    .filter(([name, value]) => name.startsWith(ENV_PREFIX) && isSet(value) && !known.has(name))
    .map(([name, value]) => {
      const isServiceLink =
        SERVICE_LINK.test(name) && (name !== 'SWITCHBOARD_PORT' || value!.includes('://'));
      const expected = isServiceLink
        ? 'no such key; Kubernetes sets it for a Service named switchboard: set enableServiceLinks: false on the pod'
        : unknownKeyText('the name of a key', closestName(name, VARIABLES, withoutPrefix));
      return { key: printable(name), expected };
    });
}

function unknownOptions(options: object): ConfigProblem[] {
  const known = new Set<string>(OPTIONS);
  return Object.entries(options)
    .filter(([name, value]) => value !== undefined && !known.has(name))
    .map(([name]) => ({
      key: printable(name),
      expected: unknownKeyText('the name of an option', closestName(name, OPTIONS)),
    }));
}

const unknownKeyText = (kind: string, suggestion: string | undefined): string =>
  suggestion === undefined ? kind : `${kind}; did you mean ${suggestion}?`;

/** Freezes lists and their entries too, so that nobody changes the configuration of someone else. */
function deepFreeze<Value extends object>(value: Value): Value {
  for (const item of Object.values(value)) {
    if (typeof item === 'object' && item !== null && !Object.isFrozen(item)) deepFreeze(item);
  }
  return Object.freeze(value);
}
