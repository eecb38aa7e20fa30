// Reads the templates of the notices: those that come with Tollgate, and file by file what an operator put in
// their place. Read once at the start and checked then, so that a slip in a template stops the start, not a mail.
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import type { NoticeKind } from '../domain/notice.ts';
import { noticeKinds } from '../domain/notice.ts';
import type { Layout, Template } from '../domain/notice-text.ts';
import { paragraphsOf, parseTemplate, placeholdersOf } from '../domain/notice-text.ts';

const shipped = fileURLToPath(new URL('../../templates/notice/', import.meta.url));
/** What every template may name besides the fields of its kind. */
const common = ['customer_name', 'account_url', 'sender'];

export type Templates = {
  layout: Layout;
  of: (kind: NoticeKind) => { template: Template; html: string[] | null };
};

/** Says which file is wrong and how. */
export class TemplateError extends Error {}

/** `folder` null: only what is shipped. Throws `TemplateError`. */
export function loadTemplates(folder: string | null): Templates {
  if (folder !== null && !existsSync(folder)) {
    throw new TemplateError(`MAIL_TEMPLATES: there is no folder ${folder}`);
  }
  const layout = {
    text: readLayout(folder, 'layout.txt'),
    html: readLayout(folder, 'layout.html'),
  };
  const kinds = Object.keys(noticeKinds) as NoticeKind[];
  const templates = new Map(kinds.map((kind) => [kind, readKind(folder, kind)]));
  return { layout, of: (kind) => templates.get(kind)! };
}

function readKind(folder: string | null, kind: NoticeKind) {
  const names = [...common, ...Object.keys(noticeKinds[kind].fields)];
  const source = read(folder, `${kind}.txt`, names);
  const template = parseTemplate(source);
  if (!template) {
    throw new TemplateError(
      `${kind}.txt must begin with "Subject: …", then a blank line, then text`,
    );
  }
  // HTML of one's own goes with a text of one's own: without it, the shipped text is what HTML is made from.
  const own = folder !== null && existsSync(path.join(folder, `${kind}.html`));
  return { template, html: own ? paragraphsOf(read(folder, `${kind}.html`, names)) : null };
}

function readLayout(folder: string | null, name: string): string {
  const text = read(folder, name, ['content', 'sender', 'subject']);
  if (!placeholdersOf(text).includes('content')) {
    throw new TemplateError(`${name} must hold {{content}}`);
  }
  return text;
}

function read(folder: string | null, name: string, names: string[]): string {
  const own = folder === null ? null : path.join(folder, name);
  const text = readFileSync(own && existsSync(own) ? own : path.join(shipped, name), 'utf8');
  const unknown = placeholdersOf(text).filter((placeholder) => !names.includes(placeholder));
  if (unknown.length > 0) {
    throw new TemplateError(
      `${name} names {{${unknown.join('}}, {{')}}}; there are only ${names.join(', ')}`,
    );
  }
  return text;
}
