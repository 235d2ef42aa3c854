import { notBefore } from './stream-cursor.js';

describe('a cursor for what was held back during a replay', () => {
  it('[H4] does not go back behind what was replayed, so that nothing is given twice after the next break', () => {
    // Published here without Redis while the log was already read further than this node's inbox.
    expect(notBefore('e.1987', 'e.1982~p-6')).toBe('e.1987~p-6');
    expect(notBefore('e.1987', 'e.1990')).toBe('e.1990');
  });

  it('[H4] stays as it is when shared state has begun anew or a cursor is not one', () => {
    expect(notBefore('e.1987', 'f.3')).toBe('f.3');
    expect(notBefore('what?', 'e.3')).toBe('e.3');
  });
});
