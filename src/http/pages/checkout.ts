// Where a payer's browser comes back to from Stripe: look at once, send on. And two small pages of our own for
// whoever named no address to return to. Needs no credential and shows nothing of the subscription.
import type { RequestHandler } from 'express';
import { returnFromCheckout } from '../../actions/purchase/checkout-return.ts';
import type { Context } from '../../context.ts';
import { notFound } from '../../domain/error.ts';
import { html, sendPage } from './html.ts';

const sessionForm = /^cs_[0-9A-Za-z_]{1,250}$/;

/** To be mounted for GET, by path. */
export function checkoutPages(ctx: Context): Record<string, RequestHandler> {
  return {
    '/checkout/return': async (req, res) => {
      const sessions = new URL(req.url, 'http://localhost').searchParams.getAll('session_id');
      if (sessions.length !== 1 || !sessionForm.test(sessions[0]!)) throw notFound();
      const address = await returnFromCheckout(ctx, sessions[0]!);
      res.status(303).setHeader('Location', address).setHeader('Cache-Control', 'no-store').end();
    },
    '/checkout/done': page('Thank you', 'That is done. You can close this page.'),
    '/checkout/canceled': page(
      'Nothing was bought',
      'You can close this page and try again at any time.',
    ),
  };
}

function page(title: string, text: string): RequestHandler {
  return (_req, res) =>
    sendPage(
      res,
      title,
      html`<h1>${title}</h1>
        <p>${text}</p>`,
    );
}
