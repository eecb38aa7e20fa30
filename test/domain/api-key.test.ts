// The form of API keys: checksum, description, scopes.
import { crc32 as zlibCrc32 } from 'node:zlib';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { crc32, describeKey, isWellFormedKey, makeKey, mayCall } from '../../src/domain/api-key.ts';

const body = fc.stringMatching(/^[0-9A-Za-z]{30}$/);

describe('an API key', () => {
  test('carries the CRC-32 of its 30 characters as six base-62 digits, left-padded with 0', () => {
    // CRC-32("123456789") is 0xCBF43926, the check value of the IEEE polynomial.
    expect(crc32('123456789')).toBe(0xcbf43926);
    expect(makeKey('test', 'a'.repeat(30))).toMatch(/^tg_test_a{30}[0-9A-Za-z]{6}$/);
    const padded = 'vqJ4mGH00000000000000000000000';
    expect(makeKey('live', padded)).toBe(`tg_live_${padded}${encode(zlibCrc32(padded))}`);
  });

  test('agrees with zlib on every body and is well formed', () => {
    fc.assert(
      fc.property(body, fc.constantFrom('live' as const, 'test' as const), (text, mode) => {
        const key = makeKey(mode, text);
        expect(key.slice(-6)).toBe(encode(zlibCrc32(text)));
        expect(isWellFormedKey(key)).toBe(true);
      }),
    );
  });

  test('with any one character changed is refused without a look-up', () => {
    fc.assert(
      fc.property(body, fc.nat(29), fc.constantFrom(...'09AZaz'), (text, at, other) => {
        fc.pre(text[at] !== other);
        const key = makeKey('test', text);
        expect(isWellFormedKey(`${key.slice(0, 8 + at)}${other}${key.slice(9 + at)}`)).toBe(false);
      }),
    );
  });

  test.each(['', 'tg_test_', 'tg_prod_' + 'a'.repeat(36), `${makeKey('test', 'a'.repeat(30))}x`])(
    'is not %j',
    (text) => expect(isWellFormedKey(text)).toBe(false),
  );

  test('shows its prefix and last four characters, nothing else', () => {
    const key = makeKey('live', 'x'.repeat(30));
    expect(describeKey(key)).toEqual({ prefix: 'tg_live_', last4: key.slice(-4) });
  });
});

describe('scopes', () => {
  test.each([
    [['call'], 'a', false, true],
    [['call'], null, false, true],
    [['call:a'], 'a', false, true],
    [['call:a'], 'b', false, false],
    [['call:a'], null, false, false],
    [['call:a'], null, true, true],
    [['manage'], 'a', false, false],
    [['manage'], null, true, false],
  ])('%j for feature %j (any call suffices: %j) → %j', (scopes, feature, anyCall, expected) => {
    expect(mayCall(scopes, feature, anyCall)).toBe(expected);
  });
});

function encode(value: number): string {
  const digits = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
  let text = '';
  for (let rest = value; text.length < 6; rest = Math.floor(rest / 62)) {
    text = digits.charAt(rest % 62) + text;
  }
  return text;
}
