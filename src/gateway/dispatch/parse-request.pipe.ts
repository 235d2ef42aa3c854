import type { PipeTransform } from '@nestjs/common';
import type { z } from 'zod';
import { parseInput } from '../../protocol/validation.js';

/** Checks the payload of a client's event against its schema. */
export class ParseRequest<Schema extends z.ZodType> implements PipeTransform<unknown, z.output<Schema>> {
  constructor(private readonly schema: Schema) {}

  transform(value: unknown): z.output<Schema> {
    return parseInput(this.schema, value);
  }
}
