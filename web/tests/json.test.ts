import { expect, it } from 'vitest';
import { formatJson, parseJson } from '../src/api/json';

it('keeps the digits of large whole numbers', () => {
  const text = '{"seed":18446744073709551615,"small":9007199254740991,"list":[-9007199254740993]}';
  const value = parseJson(text) as { seed: bigint; small: number; list: bigint[] };
  expect(value.seed).toBe(18446744073709551615n);
  expect(value.small).toBe(9007199254740991);
  expect(value.list).toEqual([-9007199254740993n]);
  expect(formatJson(value)).toBe(text);
});

it('leaves digits in texts and fractions alone', () => {
  const text = '{"a":"12345678901234567890 \\"12345678901234567890\\"","b":0.12345678901234567}';
  expect(parseJson(text)).toEqual(JSON.parse(text));
});
