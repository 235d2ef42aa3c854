import type { EngineHealth } from '../../engine.js';

/** Since when and why shared state cannot be used. */
export class Availability {
  private current: { readonly reason: string; readonly since: Date } | undefined;
  private hasStarted = false;

  /** From now on the engine is ready or says why not. */
  started(): void {
    this.hasStarted = true;
  }

  /** The latest reason counts, and the first moment. */
  begin(reason: string): void {
    this.current = { reason, since: this.current?.since ?? new Date() };
  }

  /** @returns whether there was any */
  end(): boolean {
    const was = this.current !== undefined;
    this.current = undefined;
    return was;
  }

  health(isAvailable: boolean, reason: string): EngineHealth {
    if (isAvailable) {
      this.current = undefined;
      return { state: 'ready' };
    }
    if (!this.hasStarted) return { state: 'starting' };
    this.begin(reason);
    return { state: 'unavailable', ...this.current! };
  }
}
