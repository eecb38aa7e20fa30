// What people change about themselves in the portal, as far as its configuration lets them.
import { change } from '../delivery/event.ts';
import { addTaxId, taxIdParams } from '../routes/tax.ts';
import { invalid } from '../api/error.ts';
import type { PortalFeatures } from '../store/entity-session.ts';
import type { Customer } from '../store/entity.ts';
import type { World } from '../world.ts';

type Update = PortalFeatures['customer_update']['allowed_updates'][number];

/** The fields of the form that each kind of change has. */
export const detailFields: Record<Update, readonly string[]> = {
  email: ['email'],
  name: ['name'],
  phone: ['phone'],
  address: ['line1', 'line2', 'city', 'state', 'postal_code', 'country'],
  tax_id: ['tax_id_type', 'tax_id_value'],
};

/** Takes the fields that are allowed; an empty one clears. Tax ids are added. */
export const updateDetails = (
  world: World,
  customer: Customer,
  fields: Record<string, string>,
  allowed: Update[],
): void => {
  const known = new Set(['details', ...allowed.flatMap((one) => detailFields[one])]);
  if (Object.keys(fields).some((name) => !known.has(name)))
    throw invalid('This is not offered here.');
  const clean = (name: string): string | null => fields[name]?.trim().slice(0, 512) || null;
  const plain = (['email', 'name', 'phone'] as const).filter((one) => fields[one] !== undefined);
  const given = detailFields.address.some((name) => fields[name] !== undefined);
  const patch: Partial<Customer> & { address?: object } = {
    ...Object.fromEntries(plain.map((name) => [name, clean(name)])),
    ...(given
      ? { address: Object.fromEntries(detailFields.address.map((name) => [name, clean(name)])) }
      : {}),
  };
  change(world, 'customer', customer.id, patch, 'customer.updated');
  if (clean('tax_id_value') === null) return;
  const asked = { type: fields['tax_id_type'], value: clean('tax_id_value') };
  const read = taxIdParams.safeParse(asked);
  if (!read.success) throw invalid('The tax ID is not valid.');
  addTaxId(world, customer, read.data);
};
