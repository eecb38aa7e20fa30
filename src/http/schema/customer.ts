// What a customer looks like on the wire, coming and going.
import { z } from 'zod';
import { amount, instantView, text } from './common.ts';

const metadataEntriesMax = 50;

export const externalId = text(255).meta({ examples: ['user-4711'] });

/** An IANA name; offsets such as +01:00 have no summer time and are refused. */
export const timezone = z
  .string()
  .min(1)
  .max(64)
  .refine(isTimezone, 'must be an IANA timezone such as Europe/Berlin')
  .meta({ examples: ['UTC', 'Europe/Berlin'] });

const metadata = z
  .record(text(40), z.string().max(500))
  .refine((entries) => Object.keys(entries).length <= metadataEntriesMax, {
    error: `may have up to ${metadataEntriesMax} entries`,
  });

const stripeCustomerId = z
  .string()
  .regex(/^cus_[0-9A-Za-z_]{1,100}$/, 'must be the id of a Stripe customer, cus_…')
  .meta({ examples: ['cus_NffrFeUfNV2Hib'] });

const fields = {
  email: z.email().max(320).nullable(),
  name: text(250).nullable(),
  timezone,
  blocked: z.boolean(),
  spend_cap: amount.nullable().meta({ description: 'Minor units per billing period' }),
  metadata,
  stripe_customer_id: stripeCustomerId,
};

export const customerChange = z.strictObject(fields).partial();

export const customerCreate = z.strictObject({
  external_id: externalId,
  email: fields.email.default(null),
  name: fields.name.default(null),
  timezone: timezone.default('UTC'),
  blocked: fields.blocked.default(false),
  spend_cap: fields.spend_cap.default(null),
  metadata: metadata.default({}),
  stripe_customer_id: stripeCustomerId.optional(),
});

export const customerView = z.object({
  id: z.string(),
  external_id: z.string(),
  ...fields,
  stripe_customer_id: z.string().nullable(),
  created_at: instantView,
});

function isTimezone(name: string): boolean {
  if (!/^[A-Za-z]/.test(name)) return false;
  try {
    return new Intl.DateTimeFormat('en', { timeZone: name }) !== undefined;
  } catch {
    return false;
  }
}
