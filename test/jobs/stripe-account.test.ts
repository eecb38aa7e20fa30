// One database belongs to one Stripe account: a start with another one's key stops.
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { assertSameStripeAccount } from '../../src/actions/stripe/account.ts';
import { createStripe } from '../../src/adapters/stripe.ts';
import { ConfigError } from '../../src/config.ts';
import { createTestContext } from '../support/context.ts';
import type { TestContext } from '../support/context.ts';

let testContext: TestContext;
beforeAll(async () => {
  testContext = await createTestContext({ sandbox: true });
});
afterAll(() => testContext.close());

describe('at the start', () => {
  test('the first account is remembered, and the same one may start again', async () => {
    const { ctx } = testContext;
    await assertSameStripeAccount(ctx);
    const { stripe_account: account } = await ctx.db.setting.findUniqueOrThrow({
      where: { id: 1 },
    });
    expect(account).toMatch(/^acct_/);
    await assertSameStripeAccount(ctx);
  });

  test('another account stops it with a message that names both', async () => {
    const { ctx } = testContext;
    await ctx.pool.query(`UPDATE setting SET stripe_account = 'acct_other'`);
    const start = assertSameStripeAccount(ctx);
    await expect(start).rejects.toThrow(ConfigError);
    await expect(start).rejects.toThrow(/STRIPE_SECRET_KEY.*acct_other/s);
    await ctx.pool.query('UPDATE setting SET stripe_account = NULL');
  });

  test('Stripe out of reach does not stop it', async () => {
    const { ctx, config } = testContext;
    const stripe = createStripe({
      stripeSecretKey: config.stripeSecretKey,
      stripeApiBase: 'http://127.0.0.1:1',
    });
    await assertSameStripeAccount({ ...ctx, stripe });
  });
});
