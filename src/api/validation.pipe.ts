import { Injectable, StandardSchemaValidationPipe } from '@nestjs/common';
import type { z } from 'zod';
import { SwitchboardError } from '../protocol/errors.js';
import { MAX_DEPTH, measureValue } from '../protocol/json.js';
import { inputError } from '../protocol/validation.js';

/**
 * Checks path, query and body against the schema that the route names.
 *
 * Nesting is measured first, iteratively: the schema's own walk recurses.
 */
@Injectable()
export class ApiValidationPipe extends StandardSchemaValidationPipe {
  constructor() {
    // Zod's issues are Standard Schema issues and more.
    super({ exceptionFactory: (issues) => inputError(issues as readonly z.core.$ZodIssue[]) });
  }

  override transform<T>(
    value: T,
    metadata: Parameters<StandardSchemaValidationPipe['transform']>[1],
  ): Promise<T> {
    if (metadata.schema && measureValue(value).depth > MAX_DEPTH) {
      return Promise.reject(
        new SwitchboardError('payload.invalid', {
          errors: [{ path: '', message: `expected at most ${MAX_DEPTH} levels of nesting` }],
        }),
      );
    }
    return super.transform(value, metadata) as Promise<T>;
  }

  /** A `__proto__` key is data like any other here: it is passed on as text, never merged into an object. */
  protected override stripProtoKeys(): void {}
}
