import { applyDecorators, Controller, UseFilters, UsePipes, UseGuards } from '@nestjs/common';
import { ApiBearerAuth, ApiOperation, ApiProduces, ApiResponse, ApiTags } from '@nestjs/swagger';
import { z } from 'zod';
import { ERRORS, type ErrorCode } from '../protocol/errors.js';
import { OriginGuard } from './origin.guard.js';
import { ProblemFilter } from './problem.filter.js';
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
    Controller(path),
    UseGuards(OriginGuard),
    UsePipes(ApiValidationPipe),
    UseFilters(ProblemFilter),
  );

/** Describes one route in `openapi.json`: what it does, its answer, and the codes it may fail with. */
export const ApiRoute = (
  summary: string,
  answers: Readonly<Record<number, z.ZodType | string>>,
  errors: readonly ErrorCode[] = [],
): MethodDecorator =>
  applyDecorators(
    ApiOperation({ summary }),
    ApiProduces('application/json'),
    ...Object.entries(answers).map(([status, answer]) =>
      typeof answer === 'string'
        ? ApiResponse({ status: Number(status), description: answer })
        : ApiResponse({ status: Number(status), description: summary, standardSchema: answer }),
    ),
    ...[...groupByStatus(errors)].map(([status, codes]) =>
      ApiResponse({ status, description: codes.join(', '), standardSchema: problem }),
    ),
  );

function groupByStatus(codes: readonly ErrorCode[]): Map<number, ErrorCode[]> {
  const groups = new Map<number, ErrorCode[]>();
  for (const code of codes) {
    const { status } = ERRORS[code];
    groups.set(status, [...(groups.get(status) ?? []), code]);
  }
  return groups;
}
