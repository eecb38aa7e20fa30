// The words of the client: what is asked, what is answered. Only types; the contract of the service says the rest.

/** A denial's body as the service sends it (RFC 9457); every member is always there. */
export type Problem = {
  type: string;
  title: string;
  status: number;
  detail: string;
  instance: string;
  code: string;
  retryable: boolean;
  feature: string | null;
  plan: string | null;
  limit: number | null;
  used: number | null;
  remaining: number | null;
  resets_at: string | null;
  decision_id: string | null;
  data_as_of: string | null;
  actions: Action[];
};

/** What would turn the denial into a 200. */
export type Action = {
  id: 'update_payment_method' | 'pay_invoice' | 'upgrade' | 'subscribe' | 'resume' | 'wait';
  title: string;
  href: string | null;
  until: string | null;
  actor: 'human' | 'any';
};

/** The two headers in which a caller's key may be; anything else a caller sends stays with you. */
export type Credential = {
  apiKey?: string | null | undefined;
  authorization?: string | null | undefined;
};

/** A call to decide by the route policies, or by a feature and its cost. */
export type Call = Credential &
  ({ method: string; uri: string } | { feature: string; cost?: number });

/** Where the answer came from: asked just now, kept, kept longer because nobody answers, or the switch for that. */
export type Source = 'service' | 'cache' | 'stale' | 'fallback';

export type Decision = {
  allowed: boolean;
  status: number;
  /** Why not; null where it is allowed. */
  code: string | null;
  customerId: string | null;
  plan: string | null;
  feature: string | null;
  access: 'full' | 'warn' | 'read_only' | 'degraded' | null;
  decisionId: string | null;
  /** What a caller should see of the answer: for a denial the whole of it, for an allow the rate limit. */
  headers: Record<string, string>;
  problem: Problem | null;
  source: Source;
};

/** Units held before a call whose cost is known only afterwards. */
export type Reservation = {
  id: string;
  feature: string;
  units: number;
  expires_at: string;
  status: 'held' | 'settled' | 'released' | 'expired';
};

/** Whose usage it is: the key that came with the call, or the customer. */
export type Owner = { apiKey: string } | { customerId: string };

export type UsageRecord = Owner & {
  feature: string;
  units: number;
  /** Yours, unique per customer: a retry with the same one counts once. */
  id: string;
  /** When it was used; now, if left out. */
  at?: Date;
};
