import { Injectable, type ArgumentMetadata, type PipeTransform } from '@nestjs/common';
import type { z } from 'zod';
import { parseInput } from '../protocol/validation.js';

/**
 * Checks path, query and body against the schema that the route names.
 *
 * How deep arguments may be is asked where they are decoded, once: no schema here walks into values of any kind. [D3]
 *
 * Nest's own pipe for schemas would also take `__proto__` keys out of the value; here they are data like any other,
 * passed on as text and never merged.
 */
@Injectable()
export class ApiValidationPipe implements PipeTransform {
  transform(value: unknown, { schema }: Pick<ArgumentMetadata, 'schema'>): unknown {
    if (!schema) return value;
    // Every schema here is one of Zod's.
    return parseInput(schema as z.ZodType, value);
  }
}
