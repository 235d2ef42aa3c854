import { SwitchboardError } from '../../protocol/errors.js';

/**
 * An event whose text holds a number that a JavaScript number cannot hold is refused where it would be handled. [D11]
 *
 * The reading of packets finds it, because only there the text is at hand; the inbox answers.
 */
const INEXACT = Symbol('switchboard.inexact');

type Marked = { [INEXACT]?: SwitchboardError };

/** Marks a packet. Its data begin with the name of the event; paths count from the first argument. */
export function refuseNumbers(packet: object, { code, errors = [] }: SwitchboardError): void {
  const ofArguments = errors.map(({ path, message }) => {
    const [place, ...rest] = path.split('.');
    return { path: ['args', String(Number(place) - 1), ...rest].join('.'), message };
  });
  (packet as Marked)[INEXACT] = new SwitchboardError(code, { errors: ofArguments });
}

/** Why a packet is refused. */
export const inexactNumbersOf = (packet: object): SwitchboardError | undefined => (packet as Marked)[INEXACT];
