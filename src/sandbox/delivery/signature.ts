// The `Stripe-Signature` header: HMAC-SHA256 over `t.body` in machine time, as constructEvent
// checks it (https://docs.stripe.com/webhooks#verify-manually).
import { createHmac } from 'node:crypto';

export const signatureHeader = (body: string, secret: string, machineSeconds: number): string => {
  const signed = createHmac('sha256', secret).update(`${machineSeconds}.${body}`).digest('hex');
  return `t=${machineSeconds},v1=${signed}`;
};
