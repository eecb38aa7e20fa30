// What people read: every kind of notice as it is sent, and that no value can leave its place.
import { describe, expect, test } from '@jest/globals';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { renderNotice } from '../../src/actions/notice/render.ts';
import { loadTemplates, TemplateError } from '../../src/adapters/template.ts';
import type { FieldKind, NoticeKind } from '../../src/domain/notice.ts';
import { noticeKinds } from '../../src/domain/notice.ts';
import { testConfig } from '../support/config.ts';

const config = testConfig({
  MAIL_FROM: 'Example API <billing@example.com>',
  ACCOUNT_URL: 'https://example.com/account',
});
const kinds = Object.keys(noticeKinds) as NoticeKind[];
const samples: Record<string, unknown> = {
  plan: 'Pro', feature: 'reports', window: 'month', percent: 80, used: 8_000, max: 10_000,
  amount: { amount: 4_900, currency: 'usd' }, pay_url: 'https://invoice.example.com/i/42',
  url: 'https://hooks.example.com/tollgate', endpoint_id: 'we_01hzy3v7k2m4n6p8q0r2s4t6v8', last_error: 'status 500',
}; // prettier-ignore

function sample(kind: NoticeKind): Record<string, any> {
  const fields = Object.entries<FieldKind>(noticeKinds[kind].fields);
  return Object.fromEntries(
    fields.map(([name, type]) => [
      name,
      type === 'instant' ? '2026-12-01T10:00:00.000Z' : samples[name],
    ]),
  );
}

function render(kind: NoticeKind, data = sample(kind), folder: string | null = null) {
  const templates = loadTemplates(folder);
  const row = { kind, data, name: 'Ada', timezone: 'Europe/Berlin' };
  return renderNotice({ config, templates }, row);
}

function withFolder(files: Record<string, string>, work: (folder: string) => void): void {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'tollgate-templates-'));
  try {
    for (const [name, text] of Object.entries(files)) writeFileSync(path.join(folder, name), text);
    work(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

describe('every kind reads as it did', () => {
  test.each(kinds)('%s', (kind) => {
    const { subject, text, html } = render(kind);
    expect(`${subject}\n\n${text}`).toMatchSnapshot('text');
    expect(html).toMatchSnapshot('html');
  });
});

describe('no kind', () => {
  test.each(kinds)('shows a placeholder or an empty place where nothing is known: %s', (kind) => {
    const nothing = Object.fromEntries(Object.keys(sample(kind)).map((name) => [name, null]));
    for (const { text, html } of [render(kind), render(kind, nothing)]) {
      expect(text + html).not.toMatch(/\{\{|\}\}|null|undefined|NaN/);
      expect(text.trim()).not.toBe('');
    }
  });
});

describe('a value', () => {
  const hostile = '<img src=x onerror=alert(1)>"\'&{{sender}}\r\nBcc: everybody@example.com';

  test('stays text in HTML, one line in the subject, and is never read as a template', () => {
    const mail = render('payment_recovered', { plan: hostile });
    expect(mail.html).not.toContain('<img');
    expect(mail.html).toContain('&lt;img src=x onerror=alert(1)&gt;&quot;&#39;&amp;{{sender}}');
    expect(mail.subject).not.toMatch(/[\r\n]/);
    expect(mail.text).not.toMatch(/^Bcc:/m);
  });

  test('that is no web address becomes no link', () => {
    const data = { ...sample('payment_failed'), pay_url: 'javascript:alert(1)' };
    expect(render('payment_failed', data).html).not.toContain('href="javascript');
  });
});

describe("an operator's folder", () => {
  test('replaces one file and leaves the others', () => {
    const own = {
      'trial_ended.txt': 'Subject: Over\n\nBye {{plan}}.\n\nOnly with {{account_url}}\n',
    };
    withFolder(own, (folder) => {
      const mail = render('trial_ended', { plan: 'Pro' }, folder);
      expect(mail).toMatchObject({ subject: 'Over', text: expect.stringContaining('Bye Pro.') });
      expect(mail.html).toContain('<p>Bye Pro.</p>');
      expect(render('payment_recovered', undefined, folder)).toEqual(render('payment_recovered'));
    });
  });

  test('may bring HTML and a layout, in which values are escaped too', () => {
    const own = {
      'trial_ended.html': '<h1>{{plan}}</h1>\n\n<p>{{account_url}}</p>\n',
      'layout.html': '<html><body>{{content}}</body></html>',
    };
    withFolder(own, (folder) => {
      const { html } = render('trial_ended', { plan: '<b>Pro</b>' }, folder);
      expect(html).toMatch(/^<html><body><h1>&lt;b&gt;Pro&lt;\/b&gt;<\/h1>\s+<p>https:/);
    });
  });

  test.each([
    ['a field that the kind does not have', 'trial_ended.txt', 'Subject: x\n\n{{amount}}'],
    ['no subject', 'trial_ended.txt', 'Hello'],
    ['a layout without its content', 'layout.html', '<p>nothing</p>'],
  ])('stops the start, naming the file, with %s', (_what, name, text) => {
    withFolder({ [name]: text }, (folder) => {
      expect(() => loadTemplates(folder)).toThrow(TemplateError);
      expect(() => loadTemplates(folder)).toThrow(name);
    });
  });
});
