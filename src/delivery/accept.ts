/** The two steps between a request and its publication: the checks of its event, and its ID. */
import { SwitchboardError } from '../protocol/errors.js';
import { isEventName, isReservedEvent } from '../protocol/names.js';
import type { Publication } from '../protocol/publication.js';
import type { PublishRequest } from './publish-request.js';

/** @throws SwitchboardError `payload.invalid`, `event.reserved`: nobody but the gateway publishes that name [D2] */
export function assertEvent(event: string): void {
  if (!isEventName(event)) {
    throw new SwitchboardError('payload.invalid', {
      errors: [{ path: 'event', message: 'expected 1 to 128 characters' }],
    });
  }
  if (isReservedEvent(event)) {
    throw new SwitchboardError('event.reserved', {
      errors: [{ path: 'event', message: 'expected a name that is not reserved' }],
    });
  }
}

/** The publication of a request that has been checked, arguments included. IDs rise in the order of acceptance. [D4] */
export function publicationOf(
  { to, except = {}, event, args, volatile = false, user }: PublishRequest,
  id: string,
): Publication {
  const publication = { id, event, args, to, except, volatile, at: Date.now() };
  return user === undefined ? publication : { ...publication, user };
}
