import { Injectable } from '@nestjs/common';
import { randomBytes } from 'node:crypto';

/** This gateway process, as others see it: a random name that tells nothing of the machine. */
@Injectable()
export class NodeIdentity {
  readonly id = `n-${randomBytes(6).toString('base64url')}`;
  readonly startedAt = new Date();
}
