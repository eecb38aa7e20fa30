// One database, one Stripe account: filled from one account and asked about another, every subscription would
// look gone. The first start remembers the account; a start with another one's key stops.
import type { Context } from '../../context.ts';
import { ConfigError } from '../../config.ts';

const retryAfterMs = 60_000;

/**
 * Throws `ConfigError` where the secret key is of another account (or mode) than the one remembered. Stripe
 * out of reach does not stop the start: the question is asked again later, and a mismatch then ends the process.
 */
export async function assertSameStripeAccount(ctx: Context): Promise<void> {
  const account = await currentAccount(ctx);
  if (account === null) {
    askAgainLater(ctx);
    return;
  }
  const known = await remember(ctx, account);
  if (known.account === account && known.livemode === ctx.config.livemode) return;
  throw new ConfigError(
    `Tollgate cannot start:\n  STRIPE_SECRET_KEY is of account ${account} (${mode(ctx.config.livemode)}), but this ` +
      `database was filled from ${known.account} (${mode(known.livemode)}).\n` +
      'Use the key of that account, or another database.',
  );
}

async function currentAccount(ctx: Context): Promise<string | null> {
  try {
    return (await ctx.stripe.accounts.retrieveCurrent()).id;
  } catch (error) {
    ctx.log.warn({ err: error }, 'Stripe cannot be asked now whose key this is');
    return null;
  }
}

/** What the database belongs to: from now on this account, unless it has one. */
async function remember(ctx: Context, account: string) {
  const { rows } = await ctx.pool.query<{ account: string; livemode: boolean }>(
    `UPDATE setting SET stripe_account = coalesce(stripe_account, $1), stripe_livemode = coalesce(stripe_livemode, $2)
     RETURNING stripe_account AS account, stripe_livemode AS livemode`,
    [account, ctx.config.livemode],
  );
  return rows[0]!;
}

function askAgainLater(ctx: Context): void {
  setTimeout(() => {
    assertSameStripeAccount(ctx).catch((error: unknown) => {
      ctx.log.fatal({ err: error }, 'stopping: the Stripe key is of another account');
      process.kill(process.pid, 'SIGTERM');
    });
  }, retryAfterMs).unref();
}

function mode(livemode: boolean): string {
  return livemode ? 'live' : 'test';
}
