// The mail that was kept instead of, or besides, being sent: a page for people, JSON for tools. Only where the
// configuration says so; it asks for no credential.
import type { Request, RequestHandler, Response } from 'express';
import { listKeptMail } from '../../actions/notice/notice.ts';
import type { KeptMail } from '../../actions/notice/notice.ts';
import type { Context } from '../../context.ts';
import { notFound } from '../../domain/error.ts';
import { html, sendPage } from './html.ts';

/** Mail is styled inline and may show no script, form or frame of its own. */
const mailPolicy =
  "default-src 'none'; style-src 'unsafe-inline'; img-src https: data:; sandbox allow-popups";

export function mailPages(ctx: Context): Record<string, RequestHandler> {
  if (!ctx.config.keepMail) return {};
  return {
    '/mail': async (req, res) => {
      const mail = await listKeptMail(ctx);
      if (wantsJson(req)) res.json({ data: mail });
      else sendPage(res, 'Mail', overview(mail));
    },
    '/mail/:id': async (req, res) => {
      const mail = (await listKeptMail(ctx)).find(({ id }) => id === req.params['id']);
      if (!mail) throw notFound();
      sendMail(res, mail);
    },
  };
}

function wantsJson(req: Request): boolean {
  return req.accepts(['html', 'json']) === 'json';
}

function sendMail(res: Response, mail: KeptMail): void {
  res.setHeader('Content-Type', 'text/html; charset=utf-8');
  res.setHeader('Content-Security-Policy', mailPolicy);
  res.end(mail.html);
}

function overview(mail: KeptMail[]) {
  if (mail.length === 0)
    return html`<h1>Mail</h1>
      <p>Nothing was sent yet.</p>`;
  return html`<h1>Mail</h1>
    <p class="quiet">Kept instead of leaving this machine; the latest first.</p>
    ${mail.map(
      (one) =>
        html`<details>
          <summary>
            ${one.at.slice(0, 16).replace('T', ' ')} · <strong>${one.subject}</strong> · ${one.to}
          </summary>
          <p class="quiet">${one.kind} · <a href="/mail/${one.id}">as HTML</a></p>
          <pre>${one.text}</pre>
        </details>`,
    )}`;
}
