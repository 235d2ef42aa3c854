import { Injectable } from '@nestjs/common';
import { randomBytes } from 'node:crypto';
import { createRequire } from 'node:module';
import { hostname } from 'node:os';

const { version } = createRequire(import.meta.url)('../../package.json') as { version: string };

/** This gateway process, as others see it: a random name, and for operators where it runs and what it is. [O4] */
@Injectable()
export class NodeIdentity {
  readonly id = `n-${randomBytes(6).toString('base64url')}`;
  readonly startedAt = new Date();
  readonly host = hostname();
  readonly pid = process.pid;
  readonly version = version;
}
