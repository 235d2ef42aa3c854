import { jest } from '@jest/globals';
import { TimeLimit } from './time-limit.js';

describe('deadlines of requests to Redis', () => {
  let deadlines: TimeLimit;
  let expired: string[];
  const add = (name: string) => deadlines.add(() => expired.push(name));

  beforeEach(() => {
    jest.useFakeTimers();
    deadlines = new TimeLimit(1_000);
    expired = [];
  });
  afterEach(() => {
    jest.useRealTimers();
  });

  it('[O3] what is not over in time expires, the oldest first, each at its own time', () => {
    add('a');
    jest.advanceTimersByTime(400);
    add('b');
    add('c');
    jest.advanceTimersByTime(599);
    expect(expired).toEqual([]);
    jest.advanceTimersByTime(1);
    expect(expired).toEqual(['a']);
    jest.advanceTimersByTime(399);
    expect(expired).toEqual(['a']);
    jest.advanceTimersByTime(1);
    expect(expired).toEqual(['a', 'b', 'c']);
  });

  it('[O3] what is over in time does not, and one timer watches over all', () => {
    const overs = Array.from({ length: 100 }, (_, index) => add(`${index}`));
    expect(jest.getTimerCount()).toBe(1);
    for (const over of overs) over();
    jest.advanceTimersByTime(600);
    const over = add('late');
    jest.advanceTimersByTime(900);
    over();
    jest.advanceTimersByTime(5_000);
    expect(expired).toEqual([]);
    expect(jest.getTimerCount()).toBe(0);
    add('again');
    jest.advanceTimersByTime(1_000);
    expect(expired).toEqual(['again']);
  });

  it('[O3] what begins when another expires has its whole time', () => {
    deadlines.add(() => add('second'));
    jest.advanceTimersByTime(1_999);
    expect(expired).toEqual([]);
    jest.advanceTimersByTime(1);
    expect(expired).toEqual(['second']);
  });
});
