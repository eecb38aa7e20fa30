// The types of push.mjs.
export function push(options: {
  tollgate: { url: string; operatorToken: string };
  apipark: { url: string; user: string; password: string };
  /** APIPark's service by Tollgate's feature. */
  services: Record<string, string>;
}): Promise<{ subscribed: number; unsubscribed: number; expiries: number }>;
