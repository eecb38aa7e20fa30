// Webhooks as the specification's own library signs them, and as somebody else would like them to be taken.
import { describe, expect, test } from '@jest/globals';
import { randomBytes } from 'node:crypto';
import { Webhook } from 'standardwebhooks';
import { verifyWebhook, WebhookSignatureError } from '../../packages/client/src/index.ts';

const secretOf = () => `whsec_${randomBytes(24).toString('base64')}`;
const secret = secretOf();
const now = new Date('2026-11-22T12:00:00Z');
const body = JSON.stringify({
  type: 'key.revoked',
  timestamp: now.toISOString(),
  data: { id: 'key_1', who: 'Zoë' },
});

function signed(changes: { secret?: string; at?: Date; id?: string } = {}) {
  const { id = 'evt_1', at = now } = changes;
  return {
    'webhook-id': id,
    'webhook-timestamp': String(Math.floor(at.getTime() / 1000)),
    'webhook-signature': new Webhook(changes.secret ?? secret).sign(id, at, body),
  };
}

describe('a webhook', () => {
  test('that the library has signed is taken, from plain headers and from Headers', async () => {
    const expected = { id: 'evt_1', type: 'key.revoked', data: { who: 'Zoë' } };
    expect(await verifyWebhook(body, signed(), { secret, now })).toMatchObject(expected);
    expect(await verifyWebhook(body, new Headers(signed()), { secret, now })).toMatchObject(
      expected,
    );
  });

  test('is taken with either secret while one is replaced, and with either signature', async () => {
    const next = secretOf();
    const both = `${signed()['webhook-signature']} ${signed({ secret: next })['webhook-signature']}`;
    await verifyWebhook(body, signed({ secret: next }), { secret: [secret, next], now });
    await verifyWebhook(body, { ...signed(), 'webhook-signature': both }, { secret: next, now });
  });

  test.each([
    ['of another secret', () => [body, signed({ secret: secretOf() })]],
    ['with another body', () => [`${body} `, signed()]],
    ['with another id', () => [body, { ...signed(), 'webhook-id': 'evt_2' }]],
    [
      'with another time',
      () => [body, { ...signed(), 'webhook-timestamp': String(now.getTime() / 1000 + 1) }],
    ],
    ['of five minutes ago', () => [body, signed({ at: new Date(now.getTime() - 301_000) })]],
    ['of the future', () => [body, signed({ at: new Date(now.getTime() + 301_000) })]],
    ['without a signature', () => [body, { ...signed(), 'webhook-signature': undefined }]],
    [
      'with a signature of another kind',
      () => [body, { ...signed(), 'webhook-signature': 'v2,AAAA' }],
    ],
    [
      'with a signature that is no base64',
      () => [body, { ...signed(), 'webhook-signature': 'v1,%%%' }],
    ],
  ] as [string, () => [string, Record<string, string | undefined>]][])(
    '%s is refused',
    async (_what, make) => {
      const [text, headers] = make();
      await expect(verifyWebhook(text, headers, { secret, now })).rejects.toThrow(
        WebhookSignatureError,
      );
    },
  );
});
