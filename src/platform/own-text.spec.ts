import { ownText } from './own-text.js';

describe('ownText', () => {
  it('cuts off what is too long, and leaves the rest as it is', () => {
    expect(ownText('short', 10)).toBe('short');
    expect(ownText('x'.repeat(1_000), 10)).toBe('x'.repeat(10));
    expect(ownText('ö'.repeat(20), 10)).toBe('ö'.repeat(10));
  });
});
