// Notices leave the house: over a real SMTP server, once each, and what cannot be sent is seen.
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import type { AddressInfo } from 'node:net';
import { SMTPServer } from 'smtp-server';
import { deliverNotices } from '../../src/actions/notice/deliver.ts';
import { notify } from '../../src/actions/notice/notify.ts';
import { inTransaction } from '../../src/adapters/postgres.ts';
import { createContext } from '../../src/context.ts';
import type { Context } from '../../src/context.ts';
import { startHttpTest } from '../support/http.ts';
import type { HttpTest } from '../support/http.ts';

type Received = { to: string[]; from: string; raw: string };
type Post = {
  port: number;
  received: Received[];
  refuse: Map<string, number>;
  close: () => Promise<void>;
};

async function openPost(port = 0): Promise<Post> {
  const received: Received[] = [];
  const refuse = new Map<string, number>();
  const server = new SMTPServer({
    disabledCommands: ['AUTH', 'STARTTLS'],
    logger: false,
    closeTimeout: 10,
    onRcptTo({ address }, _session, done) {
      const responseCode = refuse.get(address);
      done(responseCode ? Object.assign(new Error('no'), { responseCode }) : null);
    },
    onData(stream, { envelope }, done) {
      const chunks: Buffer[] = [];
      stream.on('data', (chunk: Buffer) => chunks.push(chunk));
      stream.on('end', () => {
        received.push({
          to: envelope.rcptTo.map(({ address }) => address),
          from: envelope.mailFrom ? envelope.mailFrom.address : '',
          raw: Buffer.concat(chunks).toString('utf8'),
        });
        done();
      });
    },
  });
  server.on('error', () => undefined);
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  return {
    port: (server.server.address() as AddressInfo).port,
    received,
    refuse,
    close: () => new Promise((resolve) => server.close(resolve)),
  };
}

let post: Post;
let http: HttpTest;
let ctx: Context;
const others: Context[] = [];
beforeAll(async () => {
  post = await openPost();
  http = await startHttpTest({
    env: {
      SMTP_URL: `smtp://127.0.0.1:${post.port}`,
      MAIL_FROM: 'Example API <billing@example.com>',
      MAIL_KEEP: 'yes',
    },
  });
  ctx = http.ctx;
});
afterEach(async () => {
  for (const other of others.splice(0)) await other.close();
});
afterAll(async () => {
  await http.close();
  await post.close();
});

let count = 0;
async function notice(options: { email?: string | null } = {}): Promise<{ email: string }> {
  count += 1;
  const email = options.email === undefined ? `n${count}@example.com` : options.email;
  const { body } = await http.operator('POST', '/customers', {
    external_id: `n-${count}`,
    name: 'Ada',
    ...(email ? { email } : {}),
  });
  const key = `test-${count}`;
  await inTransaction(ctx, (tx) =>
    notify(tx, {
      kind: 'payment_recovered',
      customerId: body.id,
      key,
      at: ctx.now(),
      data: { plan: 'Pro' },
    }),
  );
  return { email: email ?? '' };
}
const to = (email: string) => post.received.filter((mail) => mail.to.includes(email));
const stateOf = async (key: string) => ctx.db.notice.findUniqueOrThrow({ where: { key } });
const later = (seconds: number) =>
  ctx.pool
    .query('UPDATE clock SET offset_ms = offset_ms + $1', [seconds * 1000])
    .then(() => ctx.clock.refresh());

describe('a notice', () => {
  test('arrives as text and HTML, with a subject, a sender and an id of its own', async () => {
    const { email } = await notice();
    await deliverNotices(ctx);
    const [mail] = to(email);
    expect(mail!.from).toBe('billing@example.com');
    expect(mail!.raw).toMatch(/^From: Example API <billing@example.com>/m);
    expect(mail!.raw).toMatch(/^Subject: Thank you, your payment for Pro has arrived/m);
    expect(mail!.raw).toMatch(/^Message-ID: <ntc_[0-9a-z]{26}@example.com>/m);
    expect(mail!.raw).toMatch(/^Auto-Submitted: auto-generated/m);
    expect(mail!.raw).toMatch(/^Content-Type: text\/plain/m);
    expect(mail!.raw).toMatch(/^Content-Type: text\/html/m);
  });

  test('is sent once, however many workers run at once and however often', async () => {
    const emails = [];
    for (let n = 0; n < 12; n += 1) emails.push((await notice()).email);
    for (let n = 0; n < 3; n += 1) others.push(await createContext(http.test.config, 'worker'));
    await Promise.all([ctx, ...others].map((worker) => deliverNotices(worker)));
    await deliverNotices(ctx);
    expect(emails.map((email) => to(email).length)).toEqual(emails.map(() => 1));
  });

  test('waits while the mail server is away, with growing patience, and arrives when it is back', async () => {
    const { email } = await notice();
    await post.close();
    await deliverNotices(ctx);
    expect(await stateOf(`test-${count}`)).toMatchObject({ state: 'pending', attempts: 1 });
    await deliverNotices(ctx);
    expect(await stateOf(`test-${count}`)).toMatchObject({ attempts: 1 });
    await later(61);
    await deliverNotices(ctx);
    await later(61);
    await deliverNotices(ctx);
    const waiting = await stateOf(`test-${count}`);
    expect(waiting).toMatchObject({ state: 'pending', attempts: 2 });
    expect(waiting.last_error).toMatch(/ECONNREFUSED/);
    post = await openPost(post.port);
    await later(5 * 60);
    await deliverNotices(ctx);
    expect(to(email)).toHaveLength(1);
    expect(await stateOf(`test-${count}`)).toMatchObject({ state: 'sent', last_error: null });
  });

  test('that is refused for good is given up at once and seen; the others go on', async () => {
    const { email } = await notice();
    post.refuse.set(email, 550);
    const other = await notice();
    await deliverNotices(ctx);
    expect(to(other.email)).toHaveLength(1);
    const { body } = await http.operator('GET', '/notices?state=failed');
    expect(body.data).toHaveLength(1);
    expect(body.data[0]).toMatchObject({ to: email, last_error: expect.stringMatching(/550|no/) });
  });

  test('that is refused for now is tried until its patience is over', async () => {
    const { email } = await notice();
    const key = `test-${count}`;
    post.refuse.set(email, 451);
    for (let n = 0; n < 9; n += 1) {
      await deliverNotices(ctx);
      await later(86_400);
    }
    expect(await stateOf(key)).toMatchObject({ state: 'failed', attempts: 9 });
    await deliverNotices(ctx);
    expect(await stateOf(key)).toMatchObject({ attempts: 9 });
  });

  test('to somebody without an address is kept and says so', async () => {
    await notice({ email: null });
    await deliverNotices(ctx);
    expect(await stateOf(`test-${count}`)).toMatchObject({ state: 'unsendable', recipient: null });
  });

  test('whose worker died while sending is sent by another, under the same id', async () => {
    const { email } = await notice();
    await ctx.pool.query(
      `UPDATE notice SET lease_token = 'gone', lease_until = clock_timestamp() + interval '1 minute' WHERE key = $1`,
      [`test-${count}`],
    );
    await deliverNotices(ctx);
    expect(to(email)).toHaveLength(0);
    await ctx.pool.query(`UPDATE notice SET lease_until = clock_timestamp() WHERE key = $1`, [
      `test-${count}`,
    ]);
    await deliverNotices(ctx);
    const { id } = await stateOf(`test-${count}`);
    expect(to(email).map(({ raw }) => raw.includes(id))).toEqual([true]);
  });
});

describe('kept mail', () => {
  test('is shown as a page, as JSON, and one by one', async () => {
    const { email } = await notice();
    await deliverNotices(ctx);
    const json = await http.anyone('GET', '/mail', undefined, { accept: 'application/json' });
    const [mail] = json.body.data.filter((one: { to: string }) => one.to === email);
    expect(Object.keys(mail)).toEqual(
      expect.arrayContaining(['id', 'to', 'kind', 'subject', 'text', 'html', 'created_at']),
    );
    expect(mail).toMatchObject({ kind: 'payment_recovered', text: expect.stringContaining('Pro') });
    const page = await http.anyone('GET', '/mail', undefined, { accept: 'text/html' });
    expect(page.headers.get('content-type')).toMatch(/html/);
    expect(page.body).toContain(email);
    const one = await http.anyone('GET', `/mail/${mail.id}`);
    expect(one.body).toBe(mail.html);
    expect(one.headers.get('content-security-policy')).toMatch(/sandbox/);
    expect((await http.anyone('GET', '/mail/ntc_nothing')).status).toBe(404);
  });

  test('does not exist where it is not asked for', async () => {
    const plain = await startHttpTest();
    expect((await plain.anyone('GET', '/mail')).status).toBe(404);
    await plain.close();
  });
});

test('without a mail server nothing is pretended: the notice says that it could not be sent', async () => {
  const plain = await startHttpTest();
  const { body } = await plain.operator('POST', '/customers', { external_id: 'x', email: 'x@example.com' }); // prettier-ignore
  await inTransaction(plain.ctx, (tx) =>
    notify(tx, { kind: 'trial_ended', customerId: body.id, key: 'k', at: plain.ctx.now(), data: { plan: 'Pro' } }),
  ); // prettier-ignore
  await deliverNotices(plain.ctx);
  const { body: list } = await plain.operator('GET', '/notices');
  expect(list.data[0]).toMatchObject({
    state: 'unsendable',
    last_error: expect.stringContaining('SMTP_URL'),
  });
  await plain.close();
});
