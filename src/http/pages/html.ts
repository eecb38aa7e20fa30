// HTML with every value escaped unless it is HTML itself, and the one page layout. No scripts, nothing from
// elsewhere; the policy in the header says so too.
import { createHash } from 'node:crypto';
import type { Response } from 'express';
import { escapeHtml } from '../../domain/html.ts';

export type Html = { html: string };
type Value = Html | string | number | false | null | undefined | Html[];

/** A template tag: texts come out escaped, HTML as it is, lists joined. */
export function html(parts: TemplateStringsArray, ...values: Value[]): Html {
  let text = parts[0]!;
  values.forEach((value, index) => {
    text += render(value) + parts[index + 1]!;
  });
  return { html: text };
}

function render(value: Value): string {
  if (value === null || value === undefined || value === false) return '';
  if (Array.isArray(value)) return value.map((one) => one.html).join('');
  if (typeof value === 'object') return value.html;
  return escapeHtml(String(value));
}

const style = `
:root { color-scheme: light dark; --ink: #1d2433; --paper: #fff; --soft: #f3f5f9; --line: #dde2ec; --accent: #3455db; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e6e9f0; --paper: #14171f; --soft: #1d212c; --line: #313746; --accent: #8ea5ff; }
}
* { box-sizing: border-box; }
body { margin: 0; font: 16px/1.55 system-ui, sans-serif; color: var(--ink); background: var(--paper); }
main, header, footer { max-width: 60rem; margin: 0 auto; padding: 1.5rem; }
header { border-bottom: 1px solid var(--line); }
header a, footer a { color: inherit; text-decoration: none; font-weight: 600; }
h1 { line-height: 1.2; margin: .5rem 0; }
h2 { margin: 3rem 0 .5rem; text-transform: capitalize; }
a { color: var(--accent); }
code { font: .875em ui-monospace, monospace; background: var(--soft); padding: .1em .35em; border-radius: .25rem; }
pre { overflow: auto; background: var(--soft); padding: 1rem; border-radius: .5rem; }
pre code { background: none; padding: 0; }
nav ul { columns: 14rem; padding-left: 1rem; }
details { border: 1px solid var(--line); border-radius: .5rem; margin: .75rem 0; padding: .75rem 1rem; }
summary { cursor: pointer; overflow-wrap: anywhere; }
table { width: 100%; border-collapse: collapse; margin: .75rem 0; font-size: .925rem; }
th, td { text-align: left; vertical-align: top; padding: .4rem .6rem; border-top: 1px solid var(--line); overflow-wrap: anywhere; }
th { white-space: nowrap; }
.method { display: inline-block; min-width: 4.5rem; font: 700 .8rem ui-monospace, monospace; color: var(--accent); }
.quiet { opacity: .72; }
.scroll { overflow-x: auto; }
button { font: inherit; font-weight: 600; color: #fff; background: #3455db; border: 0; border-radius: .5rem; padding: .6rem 1.2rem; cursor: pointer; }
`;
const styleHash = createHash('sha256').update(style).digest('base64');
/** The hash is over every byte between the tags: no formatter may add a space there. */
const styleElement: Html = { html: `<style>${style}</style>` };

/** `form-action` is the one thing a page may ask for on top: where its forms may lead. */
export function contentPolicy(formAction = "'none'"): string {
  return `default-src 'none'; style-src 'sha256-${styleHash}'; base-uri 'none'; form-action ${formAction}; frame-ancestors 'none'`;
}

/** A whole page. */
export function page(title: string, content: Html): string {
  return html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <title>${title} · Tollgate</title>
        ${styleElement}
      </head>
      <body>
        <header><a href="/docs">Tollgate</a></header>
        <main>${content}</main>
      </body>
    </html>`.html;
}

/** Sends a page under the policy above. */
export function sendPage(res: Response, title: string, content: Html, formAction?: string): void {
  res.setHeader('Content-Type', 'text/html; charset=utf-8');
  res.setHeader('Content-Security-Policy', contentPolicy(formAction));
  res.end(page(title, content));
}
