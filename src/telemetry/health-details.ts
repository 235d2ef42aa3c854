import { Injectable } from '@nestjs/common';

/**
 * States that `/health/ready` shows and that make no node unready: of remote handlers, brokers, webhooks.
 *
 * Each part of the gateway adds its own; the page reads them when it is asked for.
 */
@Injectable()
export class HealthDetails {
  private readonly parts = new Map<string, () => Readonly<Record<string, unknown>>>();

  /** @param name of the part, under which its states stand */
  add(name: string, read: () => Readonly<Record<string, unknown>>): void {
    this.parts.set(name, read);
  }

  read(): readonly (readonly [name: string, states: Readonly<Record<string, unknown>>])[] {
    return [...this.parts].map(([name, read]) => [name, read()]);
  }
}
