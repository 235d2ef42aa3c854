import { drainPace } from './drain.js';

describe('the pace of a drain', () => {
  it.each([
    { sockets: 40, windowMs: 2_000, size: 1, intervalMs: 50 },
    { sockets: 20, windowMs: 1_500, size: 1, intervalMs: 75 },
    { sockets: 501, windowMs: 25_000, size: 2, intervalMs: 99 },
    { sockets: 2_000, windowMs: 25_000, size: 4, intervalMs: 50 },
    { sockets: 50_000, windowMs: 25_000, size: 100, intervalMs: 50 },
  ])('[O2] spreads $sockets goodbyes over the whole of $windowMs ms', ({ sockets, windowMs, ...pace }) => {
    expect(drainPace(sockets, windowMs)).toEqual(pace);
  });

  it.each([1, 3, 249])('[O2] sends ten a second away where there are only %i', (sockets) => {
    expect(drainPace(sockets, 25_000)).toEqual({ size: 1, intervalMs: 100 });
  });

  it.each([
    [0, 25_000],
    [1, 0],
    [7, 0],
    [7, 49],
    [7, 100],
    [1_001, 333],
    [99_999, 600_000],
  ])('[O2] never takes longer than the window: %i sockets in %i ms', (sockets, windowMs) => {
    const { size, intervalMs } = drainPace(sockets, windowMs);
    const pauses = sockets === 0 ? 0 : Math.ceil(sockets / size) - 1;
    expect(pauses * intervalMs).toBeLessThanOrEqual(windowMs);
  });
});
