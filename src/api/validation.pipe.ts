import { Injectable, type ArgumentMetadata, type PipeTransform } from '@nestjs/common';
import type { z } from 'zod';
import { SwitchboardError } from '../protocol/errors.js';
import { MAX_BODY_DEPTH, measureValue } from '../protocol/json.js';
import { parseInput } from '../protocol/validation.js';

/**
 * Checks path, query and body against the schema that the route names.
 *
 * Nesting is measured first, iteratively: the schema's own walk recurses, and so does whoever encodes the body again.
 * How deep arguments may be is asked where they are published. [D3]
 *
 * Nest's own pipe for schemas would also take `__proto__` keys out of the value; here they are data like any other,
 * passed on as text and never merged.
 */
@Injectable()
export class ApiValidationPipe implements PipeTransform {
  transform(value: unknown, { schema }: Pick<ArgumentMetadata, 'schema'>): unknown {
    if (!schema) return value;
    if (measureValue(value, MAX_BODY_DEPTH).depth > MAX_BODY_DEPTH) {
      throw new SwitchboardError('payload.invalid', {
        errors: [{ path: '', message: `expected at most ${MAX_BODY_DEPTH} levels of nesting` }],
      });
    }
    // Every schema here is one of Zod's.
    return parseInput(schema as z.ZodType, value);
  }
}
