// The messages to people: the closed list of kinds, who each is for and what it tells. Words are in the templates,
// which see exactly these fields; sending is done elsewhere.

/** How a field is written for a reader: money as `49.00 USD`, instants in the reader's timezone. */
export type FieldKind = 'text' | 'number' | 'money' | 'instant' | 'url';
export type Money = { amount: number; currency: string };
type Kind = { to: 'customer' | 'operator'; fields: Record<string, FieldKind> };

const debt = { plan: 'text', amount: 'money', pay_url: 'url' } as const;
const limit = { feature: 'text', window: 'text', percent: 'number', used: 'number', max: 'number', resets_at: 'instant' } as const; // prettier-ignore

/** Any field may be null: then the paragraph that needs it is left out. */
export const noticeKinds = {
  renewal_upcoming: { to: 'customer', fields: { plan: 'text', amount: 'money', renews_at: 'instant', card_expires_at: 'instant' } },
  trial_ending: { to: 'customer', fields: { plan: 'text', amount: 'money', trial_end: 'instant' } },
  trial_ended: { to: 'customer', fields: { plan: 'text' } },
  payment_failed: { to: 'customer', fields: { ...debt, next_attempt_at: 'instant', read_only_at: 'instant', denied_at: 'instant' } },
  payment_method_needed: { to: 'customer', fields: { ...debt, denied_at: 'instant' } },
  payment_past_due: { to: 'customer', fields: { ...debt, read_only_at: 'instant', denied_at: 'instant' } },
  payment_action_required: { to: 'customer', fields: debt },
  payment_recovered: { to: 'customer', fields: { plan: 'text' } },
  access_read_only: { to: 'customer', fields: { ...debt, denied_at: 'instant' } },
  access_denied: { to: 'customer', fields: { ...debt, canceled_at: 'instant' } },
  subscription_canceled: { to: 'customer', fields: { plan: 'text', ended_at: 'instant' } },
  subscription_canceled_unpaid: { to: 'customer', fields: { ...debt, ended_at: 'instant' } },
  usage_threshold: { to: 'customer', fields: limit },
  usage_recovered: { to: 'customer', fields: limit },
  webhook_endpoint_disabled: { to: 'operator', fields: { url: 'url', endpoint_id: 'text', last_error: 'text', disabled_at: 'instant' } },
} as const satisfies Record<string, Kind>; // prettier-ignore

export type NoticeKind = keyof typeof noticeKinds;

type Values = { text: string; number: number; money: Money; instant: Date; url: string };
type Fields<K extends NoticeKind> = (typeof noticeKinds)[K]['fields'];
/** What the sender of a notice of this kind must know. */
export type NoticeData<K extends NoticeKind> = {
  [F in keyof Fields<K>]: Values[Extract<Fields<K>[F], FieldKind>] | null;
};

export function isNoticeKind(text: string): text is NoticeKind {
  return Object.hasOwn(noticeKinds, text);
}
