// Turns a template and the fields of a notice into a subject, a text and HTML. A template is plain text: a first
// line `Subject: …`, then paragraphs with {{placeholders}}. A paragraph with a field that is not known is left out.
// Every value is escaped, whoever wrote the template. Reads no file.
import { escapeHtml } from './html.ts';
import { formatMoney } from './money.ts';
import type { FieldKind, Money } from './notice.ts';

export type Template = { subject: string; paragraphs: string[] };
export type Field = { kind: FieldKind; value: string | number | Money | null };
export type Fields = Record<string, Field>;
export type Mail = { subject: string; text: string; html: string };
export type Layout = { text: string; html: string };

const placeholder = /\{\{\s*([a-z_]+)\s*\}\}/g;

/** Null where the first line is no subject or nothing follows it. */
export function parseTemplate(source: string): Template | null {
  const found = /^Subject: (\S.*)\n\n([\s\S]*\S)\s*$/.exec(source.replaceAll('\r\n', '\n'));
  return found ? { subject: found[1]!.trim(), paragraphs: paragraphsOf(found[2]!) } : null;
}

export function paragraphsOf(text: string): string[] {
  return text.split(/\n\s*\n/).filter((paragraph) => paragraph.trim() !== '');
}

/** The names between braces, each once. */
export function placeholdersOf(text: string): string[] {
  return [...new Set(Array.from(text.matchAll(placeholder), (match) => match[1]!))];
}

/** `html`: paragraphs of HTML of one's own instead of what is made from the text. */
export function renderMail(
  { template, html, layout }: { template: Template; html: string[] | null; layout: Layout },
  fields: Fields,
  timezone: string,
): Mail {
  const values = formatFields(fields, timezone);
  const subject = oneLine(fill(template.subject, values, String));
  const known = ofKnown(template.paragraphs, values);
  const sender = values['sender'] ?? '';
  const text = known.map((paragraph) => fill(paragraph, values, String)).join('\n\n');
  const content = html
    ? ofKnown(html, values).map((paragraph) => fill(paragraph, values, escapeHtml))
    : known.map((paragraph) => toHtml(paragraph, values, fields));
  return {
    subject,
    text: fill(layout.text, { content: text, sender, subject }, String),
    html: fill(
      layout.html,
      {
        content: content.join('\n      '),
        sender: escapeHtml(sender),
        subject: escapeHtml(subject),
      },
      String,
    ),
  };
}

type Values = Record<string, string | null>;

function ofKnown(paragraphs: string[], values: Values): string[] {
  return paragraphs.filter((paragraph) =>
    placeholdersOf(paragraph).every((name) => (values[name] ?? null) !== null),
  );
}

function fill(text: string, values: Values, write: (value: string) => string): string {
  return text.replace(placeholder, (_, name: string) => write(values[name] ?? ''));
}

function toHtml(paragraph: string, values: Values, fields: Fields): string {
  const isLink = (name: string) => fields[name]?.kind === 'url';
  const content = escapeHtml(paragraph).replace(placeholder, (_, name: string) => {
    const value = escapeHtml(values[name] ?? '');
    return isLink(name) && /^https?:/.test(value) ? `<a href="${value}">${value}</a>` : value;
  });
  return `<p>${content.replaceAll('\n', '<br />')}</p>`;
}

/** A value must not begin a line of its own in a header, nor a template's. */
function oneLine(text: string): string {
  return text.replace(/[\p{Cc}\u2028\u2029]+/gu, ' ').trim();
}

function formatFields(fields: Fields, timezone: string): Values {
  return Object.fromEntries(
    Object.entries(fields).map(([name, field]) => [name, format(field, timezone)]),
  );
}

function format({ kind, value }: Field, timezone: string): string | null {
  if (value === null) return null;
  if (typeof value === 'object') return formatMoney(value.amount, value.currency);
  if (typeof value === 'number') return value.toLocaleString('en-US');
  return kind === 'instant' ? formatInstant(value, timezone) : oneLine(value);
}

/** `1 December 2026, 10:00 UTC`, in the reader's timezone. */
function formatInstant(instant: string, timezone: string): string {
  return new Intl.DateTimeFormat('en-GB', {
    timeZone: timezone,
    day: 'numeric',
    month: 'long',
    year: 'numeric',
    hour: '2-digit',
    minute: '2-digit',
    timeZoneName: 'short',
  })
    .format(new Date(instant))
    .replace(' at ', ', ');
}
