// What usage looks like on the wire: records and reservations, coming and going.
import { z } from 'zod';
import { id, instant, instantView, text } from './common.ts';
import { featureName } from './plan.ts';

const recordsMax = 1_000;
const idLengthMax = 255;
const reservationUnitsMax = 1_000_000_000;
const expiresInMax = 86_400;
const expiresInDefault = 300;

const customerId = id('cus').optional();
const apiKey = z.string().min(1).max(256).optional();

const record = {
  feature: featureName,
  units: z.int().min(0),
  id: text(idLengthMax).meta({
    description: "The sender's own: the same one again records nothing",
  }),
  at: instant.optional().meta({ description: 'When it was used; now unless given' }),
};

type Named = { customer_id?: string | undefined; api_key?: string | undefined };
const named = ({ customer_id, api_key }: Named) =>
  Number(customer_id !== undefined) + Number(api_key !== undefined);
const nameOne = { path: ['customer_id'], error: 'name either a customer_id or an api_key' };

const oneRecord = z
  .strictObject({ customer_id: customerId, api_key: apiKey, ...record })
  .refine((given) => named(given) === 1, nameOne);

const manyRecords = z
  .strictObject({
    customer_id: customerId,
    api_key: apiKey,
    records: z
      .array(
        z
          .strictObject({ customer_id: customerId, api_key: apiKey, ...record })
          .refine((given) => named(given) <= 1, nameOne),
      )
      .min(1)
      .max(recordsMax),
  })
  .refine((given) => named(given) <= 1, nameOne)
  .superRefine((given, at) => {
    if (named(given) === 1) return;
    given.records.forEach((one, index) => {
      if (named(one) === 1) return;
      at.addIssue({
        code: 'custom',
        path: ['records', index, 'customer_id'],
        message: nameOne.error,
      });
    });
  });

export const usageCreate = z.union([oneRecord, manyRecords]);

const recordView = z.object({
  id: z.string(),
  customer_id: z.string(),
  feature: z.string(),
  units: z.int(),
  at: instantView,
  status: z
    .enum(['recorded', 'duplicate'])
    .meta({ description: 'duplicate: the id was there; what came first is shown' }),
});
export const usageCreated = z.union([recordView, z.object({ data: z.array(recordView) })]);

export const reservationCreate = z
  .strictObject({
    customer_id: customerId,
    api_key: apiKey,
    feature: featureName,
    units: z.int().min(0).max(reservationUnitsMax),
    expires_in: z
      .int()
      .min(1)
      .max(expiresInMax)
      .default(expiresInDefault)
      .meta({ description: 'Seconds of business time' }),
  })
  .refine((given) => named(given) === 1, nameOne);

export const settlementCreate = z.strictObject({
  units: z
    .int()
    .min(0)
    .meta({ description: 'What was used, be it less or more than what is held' }),
});

export const reservationView = z.object({
  id: z.string(),
  customer_id: z.string(),
  feature: z.string(),
  units: z.int(),
  expires_at: instantView,
  status: z.enum(['held', 'settled', 'released', 'expired']),
  settled_units: z.int().nullable(),
  created_at: instantView,
});
