// The links in a 402: sealed, so that they tell nothing, and stateless, so that a check writes nothing.
// Opening one proves only that whoever has it was handed our denial; money still needs their card.
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

/** Machine time. A link handed out again from a cache still lives most of this. */
const livesForMs = 3_600_000;
const tokenForm = /^[A-Za-z0-9_-]{40,600}$/;

export type LinkAction = z.infer<typeof linkAction>;
export type ActionLink = { action: LinkAction; customerId: string; plan: string | null };
export type ActionLinks = ReturnType<typeof createActionLinks>;

export function createActionLinks(config: { keyPepper: string; publicUrl: string }) {
  const key = deriveKey(config.keyPepper, 'action link');
  return {
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
