// The links in a 402: sealed, so that they tell nothing, and stateless, so that a check writes nothing.
// Opening one proves only that whoever has it was handed our denial; money still needs their card.
import { LRUCache } from 'lru-cache';
import { z } from 'zod';
import { deriveKey, open, seal } from './secret.ts';

const linkAction = z.enum([
  'update_payment_method',
  'pay_invoice',
  'upgrade',
  'subscribe',
  'resume',
]);
const content = z.object({
  a: linkAction,
  c: z.string(),
  p: z.string().nullable(),
  e: z.number().int(),
});

/** Machine time. */
const livesForMs = 3_600_000;
/** Sealing costs more than the rest of a denial: for so long the same link is handed out again. */
const handedOutForMs = 300_000;
const keptMax = 50_000;
const tokenForm = /^[A-Za-z0-9_-]{40,600}$/;

export type LinkAction = z.infer<typeof linkAction>;
export type ActionLink = { action: LinkAction; customerId: string; plan: string | null };
export type ActionLinks = ReturnType<typeof createActionLinks>;

export function createActionLinks(config: { keyPepper: string; publicUrl: string }) {
  const key = deriveKey(config.keyPepper, 'action link');
  return {
    /** Good for an hour. */
    href({ action, customerId, plan }: ActionLink): string {
      const text = JSON.stringify({
        a: action,
        c: customerId,
        p: plan,
        e: Date.now() + livesForMs,
      });
      return `${config.publicUrl}/a/${seal(key, text).toString('base64url')}`;
    },
    /** What a token stands for; null where it is not ours or its hour is over. */
    read(token: string): ActionLink | null {
      if (!tokenForm.test(token)) return null;
      const text = open(key, Buffer.from(token, 'base64url'));
      const parsed = content.safeParse(text && JSON.parse(text.toString('utf8')));
      if (!parsed.success || parsed.data.e < Date.now()) return null;
      return { action: parsed.data.a, customerId: parsed.data.c, plan: parsed.data.p };
    },
  };
}

/** The same, for whoever makes many: a link is handed out again for five minutes, so it is good for 55 at least. */
export function keepActionLinks(
  links: ActionLinks,
  machineMs: () => number = Date.now,
): ActionLinks {
  const kept = new LRUCache<string, { href: string; untilMs: number }>({ max: keptMax });
  return {
    ...links,
    href(link) {
      const nowMs = machineMs();
      const id = `${link.customerId} ${link.action} ${link.plan ?? ''}`;
      const known = kept.get(id);
      if (known && nowMs < known.untilMs) return known.href;
      const href = links.href(link);
      kept.set(id, { href, untilMs: nowMs + handedOutForMs });
      return href;
    },
  };
}
