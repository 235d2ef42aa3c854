import type { INestApplication } from '@nestjs/common';
import type { NestContainer } from '@nestjs/core';

/** Nest offers no public way to its container; every context creator needs it. */
export function containerOf(app: INestApplication): NestContainer {
  const { container } = app as unknown as { container?: NestContainer };
  if (!container) throw new Error('this version of @nestjs/core keeps its container elsewhere');
  return container;
}
