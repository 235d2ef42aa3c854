import { jest } from '@jest/globals';
import type { Adapter } from 'socket.io-adapter';
import { Encoder } from 'socket.io-parser';
import type { HeldPublication } from './held-publication.js';
import { ReplayEncodings } from './replay-encodings.js';
import { Tracking } from './tracking.js';

const adapter = { nsp: { name: '/' }, encoder: new Encoder() } as unknown as Adapter;

const missed = (id: string, cursor: string, data: unknown = id): HeldPublication => ({
  publication: { id, event: 'n', args: [data], to: { all: true }, except: {}, volatile: false },
  stamp: { cursor, positions: new Map([['news', { epoch: 'e', offset: 7 }]]) },
});

/** Of a socket whose client recovers. */
const recovering = (): Tracking => new Tracking(true, undefined);

const textOf = (frame: Buffer | undefined): string => frame!.subarray(2).toString();

beforeEach(() => {
  jest.useFakeTimers();
});

afterEach(() => {
  jest.useRealTimers();
});

describe('encodings of what was missed', () => {
  it('[H4] are made once for all sockets that have missed the same', () => {
    const encodings = new ReplayEncodings(adapter);
    const first = encodings.with(recovering(), missed('a', 'e.1'));
    expect(textOf(first.frame)).toBe('42["n","a","e.1"]');
    expect(encodings.with(recovering(), missed('a', 'e.1'))).toBe(first);
  });

  it('[H4] are others where the same publication has another cursor', () => {
    const encodings = new ReplayEncodings(adapter);
    encodings.with(recovering(), missed('a', 'e.1'));
    expect(textOf(encodings.with(recovering(), missed('a', 'e.1+2')).frame)).toBe('42["n","a","e.1+2"]');
  });

  it('[H5] are others for a socket that is told positions', () => {
    const encodings = new ReplayEncodings(adapter);
    const told = recovering();
    told.metaRooms.add('news');
    encodings.with(recovering(), missed('a', 'e.1'));
    const { frame } = encodings.with(told, missed('a', 'e.1'));
    expect(textOf(frame)).toBe('42["n","a",{"room":"news","id":"a","epoch":"e","offset":7},"e.1"]');
  });

  it('[H4] are forgotten after a moment', () => {
    const encodings = new ReplayEncodings(adapter);
    const first = encodings.with(recovering(), missed('a', 'e.1'));
    jest.runAllTimers();
    expect(encodings.with(recovering(), missed('a', 'e.1'))).not.toBe(first);
    expect(jest.getTimerCount()).toBe(1);
  });

  it('[H4] are forgotten when they have become many', () => {
    const encodings = new ReplayEncodings(adapter);
    const first = encodings.with(recovering(), missed('a', 'e.1'));
    for (let index = 0; index < 11; index++) {
      encodings.with(recovering(), missed(`large ${index}`, `e.${index + 2}`, 'x'.repeat(100_000)));
    }
    expect(encodings.with(recovering(), missed('a', 'e.1'))).not.toBe(first);
    expect(jest.getTimerCount()).toBe(1);
  });
});
