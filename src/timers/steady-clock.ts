/**
 * Milliseconds since 1970 as the wall clock had them when this process began, and from then on by the monotonic clock.
 *
 * What ends at a time is measured by it from the moment at which that time is known: a wall clock that is set back or
 * forward ends nothing early and keeps nothing late. [A11]
 */
export const steadyNow = (): number => performance.timeOrigin + performance.now();

/** A time of the wall clock, as it is now, by the steady one. */
export const steadyOf = (wallMs: number): number => steadyNow() + (wallMs - Date.now());
