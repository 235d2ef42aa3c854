import {
  applyDecorators,
  Controller,
  UseFilters,
  UsePipes,
  UseGuards,
  VERSION_NEUTRAL,
} from '@nestjs/common';
import {
  ApiBearerAuth,
  ApiOperation,
  ApiProduces,
  ApiResponse,
  ApiTags,
} from '../platform/openapi-metadata.js';
import { z } from 'zod';
import { ERRORS, type ErrorCode } from '../protocol/errors.js';
import { ApiKeyGuard, RequireScope } from '../access/api-key.guard.js';
import { COMMANDS, type CommandName } from '../backend/commands.js';
import { ApiOriginGuard } from '../http/origin.guard.js';
import type { ApiKeyScope } from '../config/credentials.js';
import { ProblemFilter } from '../http/problem.filter.js';
import { ApiValidationPipe } from './validation.pipe.js';

const problem = z
  .object({
    title: z.string(),
    status: z.int(),
    detail: z.string(),
    code: z.string().meta({ description: 'A code of docs/errors.md' }),
    retryable: z.boolean(),
    retryAfterMs: z.int().optional(),
    errors: z.array(z.object({ path: z.string(), message: z.string() })).optional(),
  })
  .meta({ id: 'Problem', description: 'RFC 9457' });

/** A controller of the API: checked input, problem documents, and no page of another origin. */
export const ApiController = (tag: string, path: string): ClassDecorator =>
  applyDecorators(
    ApiTags(tag),
    ApiBearerAuth(),
    // Versions of an app are of its own routes.
    Controller({ path, version: VERSION_NEUTRAL }),
    UseGuards(ApiOriginGuard, ApiKeyGuard),
    UsePipes(ApiValidationPipe),
    UseFilters(ProblemFilter),
  );

/** Every route may fail with these; all of them ask shared state, which may be gone. [O3] */
const COMMON_ERRORS: readonly ErrorCode[] = [
  'payload.invalid',
  'auth.key_invalid',
  'access.denied',
  'origin.refused',
  'engine.unavailable',
  'internal',
];
/** Routes that change something read a body, also those that have no use for one. */
const WRITE_ERRORS: readonly ErrorCode[] = ['payload.too_large', 'payload.compressed'];

/**
 * One route: the command it runs, which says what scope it needs, and for `openapi.json` what it does, its answers, and the
 * codes it may fail with beside those of all routes, and of all routes that change something.
 */
export const ApiRoute = (
  command: CommandName,
  summary: string,
  answers: Readonly<Record<number, z.ZodType | string>>,
  errors: readonly ErrorCode[] = [],
): MethodDecorator => {
  const scope: ApiKeyScope | undefined = COMMANDS[command].scope;
  return applyDecorators(
    RequireScope(scope),
    ApiOperation({
      summary,
      ...(scope === undefined ? {} : { description: `Needs the scope \`${scope}\`.` }),
    }),
    ApiProduces('application/json'),
    ...Object.entries(answers).map(([status, answer]) =>
      typeof answer === 'string'
        ? ApiResponse({ status: Number(status), description: answer })
        : ApiResponse({ status: Number(status), description: summary, standardSchema: answer }),
    ),
    ApiFailures(scope, errors),
  );
};

/** For `openapi.json`: the codes that a route may fail with, its own and those of all routes. */
export const ApiFailures = (
  scope: ApiKeyScope | undefined,
  errors: readonly ErrorCode[] = [],
): MethodDecorator =>
  applyDecorators(
    ...[...groupByStatus(errorsOf(scope, errors))].map(([status, codes]) =>
      ApiResponse({ status, description: codes.join(', '), standardSchema: problem }),
    ),
  );

const errorsOf = (scope: ApiKeyScope | undefined, errors: readonly ErrorCode[]): ReadonlySet<ErrorCode> =>
  new Set([...errors, ...(scope === 'read' ? [] : WRITE_ERRORS), ...COMMON_ERRORS]);

function groupByStatus(codes: ReadonlySet<ErrorCode>): Map<number, ErrorCode[]> {
  const groups = new Map<number, ErrorCode[]>();
  for (const code of codes) {
    const { status } = ERRORS[code];
    groups.set(status, [...(groups.get(status) ?? []), code]);
  }
  return groups;
}
