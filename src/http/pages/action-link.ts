// The pages behind the links of a 402: GET shows what would happen, POST does it. Nothing moves money on GET,
// since mail scanners and chat previews open every link they see.
import { urlencoded } from 'express';
import type { Express, Request, Response } from 'express';
import { z } from 'zod';
import type { Offer } from '../../actions/action-link.ts';
import { followLink, readOffer } from '../../actions/action-link.ts';
import type { ActionLink } from '../../adapters/action-link.ts';
import { createActionLinks } from '../../adapters/action-link.ts';
import type { Context } from '../../context.ts';
import { AppError } from '../../domain/error.ts';
import { formatMoney } from '../../domain/money.ts';
import { refuseMethod } from '../mount.ts';
import type { Html } from './html.ts';
import { html, sendPage } from './html.ts';

const chosen = z.object({ plan: z.string().max(40).optional() });

const texts: Record<ActionLink['action'], { title: string; button: string; explain: string }> = {
  update_payment_method: {
    title: 'Update the payment method',
    button: 'Go to the payment page',
    explain: 'You can change the card on a page of our payment provider.',
  },
  pay_invoice: {
    title: 'Pay the open invoice',
    button: 'Pay now',
    explain: 'The payment method on file is charged.',
  },
  upgrade: {
    title: 'Upgrade',
    button: 'Upgrade now',
    explain: 'The new plan holds as soon as it is paid.',
  },
  subscribe: {
    title: 'Choose a plan',
    button: 'Subscribe',
    explain: 'The plan holds as soon as it is paid.',
  },
  resume: {
    title: 'Resume the subscription',
    button: 'Resume now',
    explain: 'Access returns at once.',
  },
};

export function mountActionLinks(app: Express, ctx: Context): void {
  const links = createActionLinks(ctx.config);
  // Browsers apply form-action to where a form's answer redirects as well: Stripe's pages, or the sandbox's.
  const formAction = ["'self'", 'https:', ctx.config.stripeApiBase].filter(Boolean).join(' ');

  const read = (req: Request): ActionLink | null => {
    const { token } = req.params;
    return typeof token === 'string' ? links.read(token) : null;
  };

  app
    .route('/a/:token')
    .get(async (req, res) => {
      const link = read(req);
      if (!link) return void sendExpired(res);
      const offer = await readOffer(ctx, link);
      sendPage(res, texts[link.action].title, form(link, offer), formAction);
    })
    .post(urlencoded({ extended: false, limit: '4kb', parameterLimit: 10 }), async (req, res) => {
      const link = read(req);
      if (!link) return void sendExpired(res);
      const choice = chosen.safeParse(req.body ?? {});
      await follow(res, link, choice.success ? choice.data.plan : undefined);
    })
    .all(refuseMethod(['GET', 'POST']));

  async function follow(res: Response, link: ActionLink, plan: string | undefined): Promise<void> {
    const { title } = texts[link.action];
    try {
      const followed = await followLink(ctx, link, plan);
      await ctx.notify.settled();
      if ('url' in followed) return void res.redirect(303, followed.url);
      sendPage(
        res,
        title,
        html`<h1>${title}</h1>
          <p>${followed.done}</p>`,
      );
    } catch (error) {
      if (!(error instanceof AppError) || error.status >= 500) throw error;
      res.status(error.status);
      sendPage(res, title, refusal(ctx, link, error), formAction);
    }
  }
}

function form(link: ActionLink, offer: Offer): Html {
  const { title, button, explain } = texts[link.action];
  if (link.action === 'pay_invoice' && !offer.invoice) {
    return html`<h1>${title}</h1>
      <p>Nothing is owed.</p>`;
  }
  return html`<h1>${title}</h1>
    ${offer.invoice && describeInvoice(offer.invoice)}
    <form method="post">
      ${offer.plans.map((plan, index) => choice(plan, index === 0))}
      <p>${explain}</p>
      <button>${button}</button>
    </form>`;
}

function describeInvoice(invoice: NonNullable<Offer['invoice']>): Html {
  const amount = formatMoney(invoice.amount_due - invoice.amount_paid, invoice.currency);
  return html`<p>Invoice ${invoice.number ?? invoice.id}: <strong>${amount}</strong></p>`;
}

function choice(plan: Offer['plans'][number], isFirst: boolean): Html {
  const price = plan.price
    ? `${formatMoney(plan.price.amount, plan.price.currency)} a ${plan.price.interval}`
    : 'free of charge';
  const checked = { html: isFirst ? 'checked' : '' };
  return html`<p>
    <label>
      <input type="radio" name="plan" value="${plan.key}" ${checked} />
      <strong>${plan.name}</strong>, ${price}
    </label>
    ${plan.description && html`<br /><span class="quiet">${plan.description}</span>`}
  </p>`;
}

function refusal(ctx: Context, link: ActionLink, error: AppError): Html {
  const links = createActionLinks(ctx.config);
  const update = links.href({ ...link, action: 'update_payment_method', plan: null });
  return html`<h1>${texts[link.action].title}</h1>
    <p>${error.message}</p>
    ${error.code === 'payment_failed' && html`<p><a href="${update}">Update the payment method</a></p>`}`;
}

function sendExpired(res: Response): void {
  res.status(404);
  sendPage(
    res,
    'This link is over',
    html`<h1>This link is over</h1>
      <p>Links in answers of the API work for an hour. Call the API again to get a fresh one.</p>`,
  );
}
