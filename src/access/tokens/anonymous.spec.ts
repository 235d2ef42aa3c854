import { anonymousName, anonymousNameIn } from './anonymous.js';

const ANONYMOUS = /^anonymous:[0-9a-f]{8}-[0-9a-f]{4}-([48])[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

describe('the name of a client that gave none', () => {
  it('[R5] is a UUID, another each time', () => {
    const names = Array.from({ length: 100 }, anonymousName);
    expect(new Set(names).size).toBe(100);
    for (const name of names) expect(ANONYMOUS.exec(name)?.[1]).toBe('4');
  });

  it('[H4] is one for each session, and tells nothing of its ID', () => {
    const ids = Array.from({ length: 100 }, (_, index) => `session-${index}`);
    const names = ids.map(anonymousNameIn);
    expect(names).toEqual(ids.map(anonymousNameIn));
    expect(new Set(names).size).toBe(100);
    for (const name of names) expect(ANONYMOUS.exec(name)?.[1]).toBe('8');
  });
});
