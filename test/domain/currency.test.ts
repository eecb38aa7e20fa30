// Which currencies and steps a price may have.
import { describe, expect, test } from '@jest/globals';
import { currencyMultiple, isCurrency } from '../../src/domain/currency.ts';

describe('currencies', () => {
  test.each(['usd', 'eur', 'jpy', 'kwd'])('%s is one', (code) => {
    expect(isCurrency(code)).toBe(true);
  });

  test.each(['', 'USD', 'xxx', 'toString', 'us'])('"%s" is none', (code) => {
    expect(isCurrency(code)).toBe(false);
  });

  test.each([
    ['usd', 1],
    ['jpy', 1],
    ['kwd', 10],
    ['isk', 100],
  ])('amounts in %s are multiples of %i', (code, multiple) => {
    expect(currencyMultiple(code)).toBe(multiple);
  });
});
