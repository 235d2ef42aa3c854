import { setFlagsFromString } from 'node:v8';

/**
 * V8's young generation while the process starts, and after it.
 *
 * Nearly all that a start allocates stays: modules, metadata, providers. V8 answers by making the place for new objects
 * larger, again and again up to 32 MB, which no collection gives back; a process at rest would keep it for ever. So it does
 * not grow before the gateway listens. From then on it grows with the work, as ever.
 */
const FACTOR = '--semi-space-growth-factor';
const V8_DEFAULT = 2;

/** From now on the young generation keeps the size that it has. */
export function keepYoungGenerationSmall(): void {
  setFlagsFromString(`${FACTOR}=1`);
}

/** From now on the young generation grows with what survives in it. */
export function letYoungGenerationGrow(): void {
  setFlagsFromString(`${FACTOR}=${V8_DEFAULT}`);
}
