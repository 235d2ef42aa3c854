import { Injectable, Logger } from '@nestjs/common';
import type { Answer } from '../engine/log.js';
import { toProblemError } from '../http/problem.js';
import type { ErrorCode } from '../protocol/errors.js';
import { isRoomName } from '../protocol/names.js';
import { settle } from '../protocol/promise-like.js';
import { Metrics } from '../telemetry/metrics.js';
import type { Call } from './call.js';
import { COMMANDS, type CommandInput, type CommandName } from './commands.js';

/** Longest text of a target in a line: one may name 10,000 rooms. */
const MAX_TARGET_LENGTH = 256;

/** The one place where the use of an API key that changes something becomes a line and a count. [A10] */
@Injectable()
export class Audit {
  constructor(private readonly metrics: Metrics) {}

  /**
   * Carries a command out and writes down who asked for it and what became of it.
   *
   * Commands that only read, and callers without a key, leave no line: the first change nothing, the others are not told
   * apart.
   */
  of<Name extends CommandName, Result extends object>(
    name: Name,
    input: CommandInput<Name>,
    call: Call,
    work: () => Answer<Result>,
  ): Answer<Result> {
    if (call.actor.kind !== 'key' || COMMANDS[name].scope === 'read') return work();
    const { name: key } = call.actor;
    const startedAt = performance.now();
    return settle(
      work,
      (result) => {
        this.write(call, key, startedAt, name, describe(name, input, result));
        return result;
      },
      (failure) => {
        const { status, code } = toProblemError(failure);
        this.write(call, key, startedAt, name, { target: targetOf(name, input), status, code });
        throw failure;
      },
    );
  }

  /** Field by field: a line is written for every publication of a backend, and copies would be a part of its price. */
  private write(
    { method, route }: Call,
    key: string,
    startedAt: number,
    command: CommandName,
    { target, status, code, matched, commands, failed }: Outcome,
  ): void {
    this.metrics.usedKey(key);
    if (!Logger.isLevelEnabled('log')) return;
    const fields: Record<string, unknown> = { key, method, route, command, target, status };
    if (code !== undefined) fields['code'] = code;
    if (matched !== undefined) fields['matched'] = matched;
    if (commands !== undefined) fields['commands'] = commands;
    if (failed !== undefined) fields['failed'] = failed;
    fields['ms'] = Math.round((performance.now() - startedAt) * 10) / 10;
    // The logger of an instance would copy its arguments to add the context.
    Logger.log('an API key was used', fields, 'Audit');
  }
}

interface Outcome {
  readonly target: string;
  readonly status: number;
  readonly code?: ErrorCode;
  /** How many sockets it was for, where that is known. */
  readonly matched?: number;
  readonly commands?: number;
  readonly failed?: number;
}

function describe(name: CommandName, input: object, result: object): Outcome {
  const target = targetOf(name, input);
  if ('results' in result) {
    const results = result.results as readonly { readonly ok?: unknown; readonly matched?: unknown }[];
    const failed = results.filter(({ ok }) => ok !== true).length;
    const matched = results.reduce(
      (sum, each) => sum + (typeof each.matched === 'number' ? each.matched : 0),
      0,
    );
    return { target, status: 200, matched, commands: results.length, failed };
  }
  if ('responses' in result && 'missing' in result) {
    const [answered, missing] = [result.responses, result.missing] as [unknown[], unknown[]];
    return { target, status: 200, matched: answered.length + missing.length };
  }
  if ('matched' in result) return { target, status: 202, matched: Number(result.matched) };
  if ('disconnected' in result) {
    return { target, status: 'socketId' in input ? 204 : 200, matched: Number(result.disconnected) };
  }
  if ('outcome' in result) return { target, status: 200 };
  if ('events' in result) return { target, status: 202, matched: Number(result.events) };
  return { target, status: 204 };
}

/** What the command was for; of an emit its target without what is sent, which is nobody's business. */
function targetOf(name: CommandName, input: object): string {
  if (name === 'batch') return 'batch';
  const text = 'to' in input ? jsonOfTarget(input.to as object) : JSON.stringify(input);
  return text.length <= MAX_TARGET_LENGTH ? text : `${text.slice(0, MAX_TARGET_LENGTH)}…`;
}

/** As JSON.stringify, at half of its price where the target is one room or one socket, as most are. */
function jsonOfTarget(target: object): string {
  let text: string | undefined;
  for (const kind in target) {
    const names: unknown = (target as Readonly<Record<string, unknown>>)[kind];
    // No character that a room's name may have needs an escape.
    const isPlain = text === undefined && Array.isArray(names) && names.length === 1 && isRoomName(names[0]);
    if (!isPlain) return JSON.stringify(target);
    text = `{"${kind}":["${(names as readonly string[])[0]}"]}`;
  }
  return text ?? JSON.stringify(target);
}
