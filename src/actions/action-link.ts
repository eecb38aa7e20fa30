// Does what a link in a 402 offers, for the customer it was made for. Looking changes nothing; following it is
// the same action as over REST, so it is as safe to follow twice.
import type { ActionLink } from '../adapters/action-link.ts';
import type { Context } from '../context.ts';
import { AppError } from '../domain/error.ts';
import type { Caller } from './caller.ts';
import { loadFooting } from './entitlement.ts';
import type { InvoiceView } from './invoice.ts';
import { oldestOpenInvoice, payInvoice } from './invoice.ts';
import { createPaymentMethodSession } from './payment-method.ts';
import type { PlanView } from './plan/view.ts';
import { listPlans } from './plan/plan.ts';
import { startPurchase } from './purchase/purchase.ts';
import { changeSubscription } from './subscription/change.ts';
import { resumeSubscription } from './subscription/pause.ts';

/** What there is to choose from before following. */
export type Offer = { invoice: InvoiceView | null; plans: PlanView[] };
/** Where to go on, or what was done. */
export type Followed = { url: string } | { done: string };

const plansMax = 100;

/** The invoice to pay, or the plans to choose from: everybody's, the better one alone for an upgrade. */
export async function readOffer(ctx: Context, link: ActionLink): Promise<Offer> {
  if (link.action === 'pay_invoice') {
    return { invoice: await oldestOpenInvoice(ctx, link.customerId), plans: [] };
  }
  if (link.action !== 'subscribe' && link.action !== 'upgrade') return { invoice: null, plans: [] };
  const { data } = await listPlans(ctx, { kind: 'anyone', id: 'link' }, { limit: plansMax });
  return { invoice: null, plans: data.filter(({ key }) => !link.plan || key === link.plan) };
}

/** Follows the link. `plan` is what the person chose where the link leaves a choice. */
export async function followLink(
  ctx: Context,
  link: ActionLink,
  plan: string | undefined,
): Promise<Followed> {
  const { customerId } = link;
  const caller: Caller = { kind: 'customer', id: 'link', customerId };
  switch (link.action) {
    case 'update_payment_method':
      return createPaymentMethodSession(ctx, caller, {});
    case 'pay_invoice': {
      const invoice = await oldestOpenInvoice(ctx, customerId);
      if (!invoice) return { done: 'Nothing is owed.' };
      await payInvoice(ctx, caller, invoice.id);
      return { done: 'The invoice is paid. The same API key works again.' };
    }
    case 'resume':
      await resumeSubscription(ctx, caller, await liveSubscription(ctx, customerId));
      return { done: 'The subscription is resumed.' };
    case 'subscribe':
    case 'upgrade':
      return buy(ctx, caller, { customerId, plan: link.plan ?? plan ?? '' });
  }
}

async function buy(
  ctx: Context,
  caller: Caller,
  { customerId, plan }: { customerId: string; plan: string },
): Promise<Followed> {
  const { footing } = await loadFooting(ctx, customerId);
  const current = footing.code === null ? footing.subscription : null;
  const bought = current?.atStripe
    ? await changeSubscription(ctx, caller, { id: current.id, change: { plan } })
    : await startPurchase(ctx, caller, { plan });
  return bought.checkout_url
    ? { url: bought.checkout_url }
    : { done: `The plan is ${bought.plan ?? plan} now. The same API key works with it.` };
}

async function liveSubscription(ctx: Context, customerId: string): Promise<string> {
  const { footing } = await loadFooting(ctx, customerId);
  if (!footing.subscription) throw new AppError('invalid_state', 'There is no subscription.');
  return footing.subscription.id;
}
