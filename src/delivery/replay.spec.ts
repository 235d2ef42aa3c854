import { jest } from '@jest/globals';
import type { Publication } from '../protocol/publication.js';
import { Replay, type Recipient } from './replay.js';
import type { HeldPublication } from './held-publication.js';
import type { Encoding } from './encoding.js';

const MAX_BYTES = 400;
/** A quarter of what may be unsent. */
const SHARE_BYTES = 100;

const publication = (id: string, volatile = false): Publication => ({
  id,
  event: 'n',
  args: [],
  to: { all: true },
  except: {},
  volatile,
});
const held = (id: string, volatile = false): HeldPublication => ({
  publication: publication(id, volatile),
  stamp: { cursor: id, positions: undefined },
});
const wireOf = (bytes: number): Encoding =>
  ({ packets: ['x'.repeat(bytes)], frame: undefined }) as unknown as Encoding;

/** A client that takes what the test says, and its socket. */
class FakeRecipient implements Recipient {
  readonly maxBytes = MAX_BYTES;
  readonly put: Recipient['put'];
  sent: string[] = [];
  encoded: string[] = [];
  failures: unknown[] = [];
  unsent = 0;
  isStalled = false;
  isEnded = false;

  constructor(private readonly sizes: Readonly<Record<string, number>> = {}) {
    this.put = ({ publication: { id } }, encoding) => {
      this.sent.push(id);
      this.unsent += (encoding.packets[0] as string).length;
    };
  }

  unsentBytes = (): number => this.unsent;
  hasStalled = (): boolean => this.isStalled;
  lost = (): void => {};
  dropped = (): void => {};
  end = (): void => void (this.isEnded = true);
  failed = (failure: unknown): void => void this.failures.push(failure);
  encode = ({ publication: { id } }: HeldPublication): Encoding => {
    if (id === 'broken') throw new Error('cannot be encoded');
    this.encoded.push(id);
    return wireOf(this.sizes[id] ?? 40);
  };

  /** The client takes everything, and the replay looks whether it has. */
  read(): void {
    this.unsent = 0;
    jest.advanceTimersByTime(1_000);
  }
}

describe('a replay', () => {
  let recipient: FakeRecipient;
  let isThrough: boolean;
  let replay: Replay;

  const start = (sizes?: Readonly<Record<string, number>>): void => {
    recipient = new FakeRecipient(sizes);
    isThrough = false;
    replay = new Replay(recipient, () => (isThrough = true));
  };
  const add = (...ids: string[]): void => replay.add(ids.map((id) => held(id)));

  beforeEach(() => {
    jest.useFakeTimers();
    start();
  });
  afterEach(() => jest.useRealTimers());

  it('[H4] sends at once what there is room for', () => {
    add('a', 'b');
    expect(recipient.sent).toEqual(['a', 'b']);
    expect(isThrough).toBe(true);
  });

  it('[H4] [Q3] sends the rest in order as its client reads, each once, and never more than its share', () => {
    add('a', 'b', 'c', 'd', 'e');
    expect(recipient.sent).toEqual(['a', 'b']);
    for (const sent of ['ab', 'abcd', 'abcde']) {
      expect(recipient.sent.join('')).toBe(sent);
      expect(recipient.unsent).toBeLessThanOrEqual(SHARE_BYTES);
      expect(isThrough).toBe(sent === 'abcde');
      recipient.read();
    }
  });

  it('[H4] [Q3] encodes nothing long before it is sent, and nothing twice', () => {
    add('a', 'b', 'c', 'd', 'e');
    jest.advanceTimersByTime(1_000);
    expect(recipient.encoded).toEqual(['a', 'b', 'c']);
    recipient.read();
    expect(recipient.encoded).toEqual(['a', 'b', 'c', 'd', 'e']);
  });

  it('[Q3] sends what is larger than its share alone', () => {
    start({ large: 300 });
    add('a', 'large', 'b');
    expect(recipient.sent).toEqual(['a']);
    recipient.read();
    expect(recipient.sent).toEqual(['a', 'large']);
    recipient.read();
    expect(recipient.sent).toEqual(['a', 'large', 'b']);
  });

  it('[H4] sends what arrives meanwhile after what was missed, without what is volatile', () => {
    add('a', 'b', 'c');
    replay.addLive(held('live'), wireOf(40));
    replay.addLive(held('volatile', true), wireOf(40));
    add('d');
    expect(recipient.sent).toEqual(['a', 'b']);
    recipient.read();
    expect(recipient.sent).toEqual(['a', 'b', 'c', 'live']);
    recipient.read();
    expect(recipient.sent).toEqual(['a', 'b', 'c', 'live', 'd']);
    expect(isThrough).toBe(true);
  });

  it('[Q3] ends a socket for which more arrives meanwhile than it may have unsent', () => {
    add('a', 'b', 'c');
    for (let count = 0; count < 10; count++) replay.addLive(held('live'), wireOf(40));
    expect(recipient.isEnded).toBe(false);
    replay.addLive(held('live'), wireOf(1));
    expect(recipient.isEnded).toBe(true);
  });

  it('[Q3] does not count what has been sent of what arrived meanwhile', () => {
    add('a', 'b', 'c');
    replay.addLive(held('live'), wireOf(40));
    recipient.read();
    add('d', 'e', 'f');
    for (let count = 0; count < 10; count++) replay.addLive(held('live'), wireOf(40));
    expect(recipient.isEnded).toBe(false);
  });

  it('[Q3] ends a socket whose client takes nothing any longer', () => {
    add('a', 'b', 'c');
    jest.advanceTimersByTime(1_000);
    expect(recipient.isEnded).toBe(false);
    recipient.isStalled = true;
    jest.advanceTimersByTime(1_000);
    expect(recipient.isEnded).toBe(true);
    expect(recipient.sent).toEqual(['a', 'b']);
  });

  it('[H4] sends nothing after what could not be sent', () => {
    add('a', 'b', 'c', 'broken', 'd');
    recipient.read();
    expect(recipient.sent).toEqual(['a', 'b', 'c']);
    expect(recipient.failures).toHaveLength(1);
    recipient.read();
    expect([recipient.sent.length, recipient.failures.length, isThrough]).toEqual([3, 1, false]);
  });

  it('[H4] is not through when its socket ends by what it is sent: its client has not got all', () => {
    const { put } = recipient;
    replay = new Replay(
      { ...recipient, put: (...args) => (put(...args), replay.stop()) },
      () => (isThrough = true),
    );
    add('a', 'b', 'c');
    recipient.read();
    expect(recipient.sent).toEqual(['a']);
    expect(isThrough).toBe(false);
  });

  it('[L4] sends nothing to a socket that has ended', () => {
    add('a', 'b', 'c');
    replay.stop();
    recipient.read();
    expect(recipient.sent).toEqual(['a', 'b']);
  });
});
