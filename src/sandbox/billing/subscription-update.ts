// POST /v1/subscriptions/{id}: what the parameters ask for, sorted into a change of plan and plain
// fields. The change of plan itself is in subscription-plan.ts.
import type { z } from 'zod';
import { invalid } from '../api/error.ts';
import { mergeMetadata } from '../api/params.ts';
import { change } from '../delivery/event.ts';
import type { updateParams } from '../routes/subscription-params.ts';
import type { Subscription } from '../store/entity-subscription.ts';
import { nowOn, type World } from '../world.ts';
import { cancelInstant } from './cancel-at.ts';
import { redeem } from './discount.ts';
import { addOnceItems } from './once-item.ts';
import { attachedMethod } from './payment-method.ts';
import { changePlan } from './subscription-plan.ts';
import { taxRates } from './tax.ts';
import { endsWithoutMethod } from './subscription-renew.ts';
import { periodEnd, rearm } from './subscription-timer.ts';

export type UpdateAsked = z.output<typeof updateParams>;

export const updateSubscription = (
  world: World,
  subscription: Subscription,
  asked: UpdateAsked,
): Subscription => {
  refuseUpdate(subscription, asked);
  const now = nowOn(world, subscription.test_clock);
  const fields = plainFields(world, subscription, asked, now);
  if (asked.trial_end === 'now' && subscription.status === 'trialing') {
    const over = world.store.update('subscription', subscription.id, { ...fields, trial_end: now });
    if (endsWithoutMethod(world, over)) return world.store.need('subscription', over.id);
    world.store.put('subscription', subscription);
  }
  addOnceItems(world, subscription, asked.add_invoice_items ?? []);
  if (changesPlan(asked, subscription, fields)) {
    return changePlan(world, subscription, {
      items: asked.items ?? [],
      proration: asked.proration_behavior ?? 'create_prorations',
      prorationDate: asked.proration_date ?? null,
      behavior: asked.payment_behavior ?? 'allow_incomplete',
      trialEnd: asked.trial_end ?? null,
      resetAnchor: asked.billing_cycle_anchor?.type === 'now',
      alongside: fields,
    });
  }
  const changed = change(
    world,
    'subscription',
    subscription.id,
    fields,
    'customer.subscription.updated',
  );
  rearm(world, changed, now);
  return changed;
};

const changesPlan = (
  asked: UpdateAsked,
  before: Subscription,
  after: Partial<Subscription>,
): boolean =>
  (after.cancel_at !== undefined && after.cancel_at !== before.cancel_at && livesOn(before)) ||
  asked.items !== undefined ||
  asked.trial_end !== undefined ||
  asked.billing_cycle_anchor?.type === 'now';

const livesOn = ({ status }: Subscription): boolean =>
  status === 'active' || status === 'past_due' || status === 'trialing';

const editableWhenCanceled = new Set(['metadata', 'cancellation_details']);
const editableWhenIncomplete = new Set([
  'metadata',
  'default_payment_method',
  'cancellation_details',
  'description',
  'payment_settings',
]);

const refuseUpdate = (subscription: Subscription, asked: UpdateAsked): void => {
  const given = Object.keys(asked).filter((key) => asked[key as keyof UpdateAsked] !== undefined);
  const { status } = subscription;
  if (status === 'canceled' && !given.every((key) => editableWhenCanceled.has(key))) {
    throw invalid(
      'A canceled subscription can only update its cancellation_details and metadata.',
      { code: 'invalid_canceled_subscription_fields' },
    );
  }
  const isIncomplete = status === 'incomplete' || status === 'incomplete_expired';
  if (isIncomplete && !given.every((key) => editableWhenIncomplete.has(key))) {
    throw invalid(
      `This subscription is \`${status}\` and only its metadata and default payment method can be updated.`,
    );
  }
  const alsoForPending = new Set([
    'items',
    'payment_behavior',
    'proration_behavior',
    'proration_date',
    'trial_end',
    'billing_cycle_anchor',
    'expand',
    'trial_from_plan',
  ]);
  const extra = given.find((key) => !alsoForPending.has(key));
  if (asked.payment_behavior === 'pending_if_incomplete' && extra !== undefined) {
    throw invalid(
      `When \`payment_behavior\` is set to \`pending_if_incomplete\`, you cannot pass: ${extra}.`,
      { param: extra },
    );
  }
  if (
    subscription.schedule !== null &&
    (asked.cancel_at_period_end !== undefined || asked.cancel_at !== undefined)
  ) {
    throw invalid(
      `The subscription is managed by the subscription schedule \`${subscription.schedule}\`, and updating any cancelation behavior directly is not allowed. Please update the schedule instead.`,
    );
  }
};

const plainFields = (
  world: World,
  subscription: Subscription,
  asked: UpdateAsked,
  now: number,
): Partial<Subscription> => ({
  ...cancellation(subscription, asked, now),
  ...(asked.collection_method === undefined ? {} : { collection_method: asked.collection_method }),
  ...(asked.days_until_due === undefined ? {} : { days_until_due: asked.days_until_due }),
  ...(asked.default_payment_method === undefined
    ? {}
    : { default_payment_method: methodFor(world, subscription, asked.default_payment_method) }),
  ...(asked.default_tax_rates === undefined
    ? {}
    : { _tax_rates: taxRates(world, asked.default_tax_rates ?? [], 'default_tax_rates') }),
  ...(asked.description === undefined ? {} : { description: asked.description }),
  ...(asked.discounts === undefined
    ? {}
    : {
        discounts: redeem(
          world,
          asked.discounts ?? [],
          { customer: subscription.customer, subscription: subscription.id },
          now,
        ),
      }),
  ...(asked.metadata === undefined
    ? {}
    : { metadata: mergeMetadata(subscription.metadata, asked.metadata) }),
  ...(asked.pause_collection === undefined
    ? {}
    : {
        pause_collection: asked.pause_collection === null ? null : pauseOf(asked.pause_collection),
      }),
  ...(asked.trial_settings === undefined
    ? {}
    : {
        trial_settings: {
          end_behavior: { billing_cycle_anchor: null, ...asked.trial_settings.end_behavior },
        },
      }),
});

const pauseOf = (pause: NonNullable<UpdateAsked['pause_collection']>) => ({
  behavior: pause.behavior,
  resumes_at: pause.resumes_at ?? null,
});

const methodFor = (world: World, subscription: Subscription, id: string): string =>
  attachedMethod(
    world,
    world.store.need('customer', subscription.customer),
    id,
    'default_payment_method',
  ).id;

/** When it is to end: at the period's end, at an instant, or not at all any more. */
const cancellation = (
  subscription: Subscription,
  asked: UpdateAsked,
  now: number,
): Partial<Subscription> => {
  const details = asked.cancellation_details;
  const words = {
    ...subscription.cancellation_details,
    ...(details?.comment === undefined ? {} : { comment: details.comment }),
    ...(details?.feedback === undefined ? {} : { feedback: details.feedback }),
  };
  const ends = {
    canceled_at: now,
    cancellation_details: { ...words, reason: 'cancellation_requested' },
  };
  if (asked.cancel_at_period_end === true) {
    return { cancel_at_period_end: true, cancel_at: periodEnd(subscription), ...ends };
  }
  if (asked.cancel_at != null) {
    const at = cancelInstant(
      asked.cancel_at,
      subscription.items.map((item) => item.current_period_end),
    );
    if (at <= now) throw invalid('cancel_at must be in the future.', { param: 'cancel_at' });
    return { cancel_at: at, cancel_at_period_end: false, ...ends };
  }
  const isUndo =
    asked.cancel_at === null ||
    (asked.cancel_at_period_end === false && subscription.cancel_at_period_end);
  if (isUndo) {
    return {
      cancel_at: null,
      cancel_at_period_end: false,
      canceled_at: null,
      cancellation_details: { ...words, reason: null },
    };
  }
  return details === undefined ? {} : { cancellation_details: words };
};
