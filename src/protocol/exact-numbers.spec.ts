import { refusalOf } from '../../test/support/refusal.js';
import { assertExactNumbers } from './exact-numbers.js';

describe('numbers in JSON', () => {
  it.each([
    ['{"a":[1,{"id":9007199254740993}]}', 'a.1.id'],
    ['[0,"9007199254740993",-12345678901234567891]', '2'],
    ['{"x\\"":1,"y":{},"z":[[],1e400]}', 'z.1'],
    ['{"to":{"all":true},"data":18446744073709551615}', 'data'],
    ['[9007199254740993.0]', '0'],
    ['[-900719925474099.3e1]', '0'],
    ['[9.007199254740993E+15]', '0'],
    ['[90071992547409930e-1]', '0'],
    ['[12345678901234567.5]', '0'],
    ['[1e-400]', '0'],
    [`[0.${'0'.repeat(400)}1]`, '0'],
  ])('[D11] %s is refused with its path', (text, path) => {
    expect(refusalOf(() => assertExactNumbers(text)).errors).toEqual([
      { path, message: 'expected a number that JavaScript can hold; send it as text' },
    ]);
  });

  it.each([
    '[9007199254740991,9007199254740992,-9007199254740991,1000000000000000000000]',
    '{"id":"9007199254740993","9007199254740993":"1e400"}',
    '[0.10000000000000001,3.141592653589793238462,1e300,5e-324,12345678901234567000]',
    '[9007199254740992.0,9.007199254740992e15,0.0000000000000000,0e400,-0.0,1.7976931348623157e308]',
    `[1${'0'.repeat(300)},1.${'0'.repeat(1000)},0.${'3'.repeat(1000)}]`,
    `["${'\\"9007199254740993'.repeat(1000)}"]`,
  ])('[D11] %s is taken as it is', (text) => {
    expect(() => assertExactNumbers(text)).not.toThrow();
  });
});
