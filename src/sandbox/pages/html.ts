// Pieces of the pages that people open: plain HTML forms that work without JavaScript. Everything
// that came from outside is escaped; pages are never cached or framed.
import type { Response } from 'express';

const entities: Record<string, string> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};
export const escape = (text: string): string =>
  text.replace(/[&<>"']/g, (sign) => entities[sign] ?? sign);

const style = `body{font:16px/1.5 system-ui,sans-serif;max-width:40rem;margin:3rem auto;padding:0 1rem;color:#1a1f36}
h1{font-size:1.4rem}h2{font-size:1.1rem;margin-top:2rem}form{margin:.5rem 0}
button{font:inherit;padding:.45rem .9rem;margin:.15rem;border:1px solid #697386;border-radius:6px;background:#fff;cursor:pointer}
button.main{background:#3f4ad0;border-color:#3f4ad0;color:#fff}input{font:inherit;padding:.45rem;border:1px solid #697386;border-radius:6px}
table{border-collapse:collapse;width:100%}td{padding:.3rem 0;border-bottom:1px solid #e3e8ee}
.problem{background:#fdecea;padding:.6rem 1rem;border-radius:6px}.note{color:#697386;font-size:.9rem}
main.wide{max-width:none}body:has(main.wide){max-width:78rem;margin:1.5rem auto}.wide h2{margin:1.2rem 0 .3rem}
.wide table{font-size:.85rem}.wide td,.wide th{text-align:left;padding:.2rem .8rem .2rem 0;white-space:nowrap;border-bottom:1px solid #e3e8ee}
.wide fieldset{display:inline-block;vertical-align:top;border:1px solid #e3e8ee;border-radius:6px;margin:0 .5rem .5rem 0}
.wide form{margin:.2rem 0}.wide input[type=number]{width:5rem}.wide fieldset{font-size:.9rem}.scroll{overflow-x:auto}iframe{width:100%;height:70vh;border:1px solid #e3e8ee;border-radius:6px}
select{font:inherit;padding:.4rem}code{font-size:.85em}`;

const headers = (framed: 'none' | 'self') => ({
  'Cache-Control': 'no-store',
  'Content-Security-Policy': `default-src 'none'; style-src 'unsafe-inline'; frame-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors '${framed}'`,
  'Referrer-Policy': 'no-referrer',
  'X-Content-Type-Options': 'nosniff',
});

const documentOf = (title: string, head: string, body: string): string =>
  `<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>${escape(title)}</title>${head}<style>${style}</style></head><body>${body}</body></html>`;

export const sendPage = (response: Response, title: string, body: string, status = 200): void => {
  const inner = `<main><h1>${escape(title)}</h1>${body}<p class="note">Sandbox: no money moves here.</p></main>`;
  response
    .status(status)
    .set(headers('none'))
    .type('html')
    .send(documentOf(title, '', inner));
};

/** A wide page that may show a part of itself in a frame, or is that part, loaded again and again. */
export const sendWide = (
  response: Response,
  title: string,
  body: string,
  part: { refreshSeconds: number } | null = null,
): void => {
  const head = part === null ? '' : `<meta http-equiv="refresh" content="${part.refreshSeconds}">`;
  response
    .set(headers(part === null ? 'none' : 'self'))
    .type('html')
    .send(documentOf(title, head, `<main class="wide">${body}</main>`));
};

export const problem = (message: string | null): string =>
  message === null ? '' : `<p class="problem" role="alert">${escape(message)}</p>`;

export const button = (name: string, value: string, label: string, isMain = false): string =>
  `<button name="${escape(name)}" value="${escape(value)}"${isMain ? ' class="main"' : ''}>${escape(label)}</button>`;

export const form = (action: string, inner: string): string =>
  `<form method="post" action="${escape(action)}">${inner}</form>`;

/** Cards with a name, as buttons that send their number. */
export const cardButtons = (
  [
    ['4242424242424242', 'A good card (4242)'],
    ['4000000000000341', 'A card that attaches, then fails (0341)'],
    ['4000000000000002', 'A card that is declined (0002)'],
    ['4000000000003220', 'A card that asks for 3D Secure (3220)'],
  ] as const
)
  .map(([number, label], i) => button('number', number, label, i === 0))
  .join('');

export const numberField = `<label>Card number <input name="typed" inputmode="numeric" autocomplete="cc-number" pattern="[0-9 ]{12,23}"></label>`;

export const row = (...cells: string[]): string =>
  `<tr>${cells.map((cell) => `<td>${cell}</td>`).join('')}</tr>`;
export const table = (rows: string[]): string =>
  rows.length === 0 ? '<p>None.</p>' : `<table>${rows.join('')}</table>`;
export const day = (at: number): string => new Date(at * 1000).toISOString().slice(0, 10);
