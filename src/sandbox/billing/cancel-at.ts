// `cancel_at` as it is asked for: an instant, or the first or last end of the items' periods
// (https://docs.stripe.com/changelog/basil/2025-07-30/cancel-at-enums). Ends nothing.

export type CancelAtAsked = number | 'min_period_end' | 'max_period_end';

/** The instant, in unix seconds; later changes of the periods do not move it. */
export const cancelInstant = (asked: CancelAtAsked, ends: number[]): number => {
  if (asked === 'min_period_end') return Math.min(...ends);
  return asked === 'max_period_end' ? Math.max(...ends) : asked;
};
