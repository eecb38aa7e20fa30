// How Stripe shows disputes: every piece of evidence has its place, given or not.
import type { Dispute } from '../store/entity-payment.ts';
import type { World } from '../world.ts';
import { publicPart, type Wire } from './wire.ts';

export const evidenceKeys = [
  'access_activity_log',
  'billing_address',
  'cancellation_policy',
  'cancellation_policy_disclosure',
  'cancellation_rebuttal',
  'customer_communication',
  'customer_email_address',
  'customer_name',
  'customer_purchase_ip',
  'customer_signature',
  'duplicate_charge_documentation',
  'duplicate_charge_explanation',
  'duplicate_charge_id',
  'product_description',
  'receipt',
  'refund_policy',
  'refund_policy_disclosure',
  'refund_refusal_explanation',
  'service_date',
  'service_documentation',
  'shipping_address',
  'shipping_carrier',
  'shipping_date',
  'shipping_documentation',
  'shipping_tracking_number',
  'uncategorized_file',
  'uncategorized_text',
] as const;

const isInquiry = (dispute: Dispute): boolean => dispute.status.startsWith('warning');

export const showDispute = (world: World, dispute: Dispute): Wire => {
  const { brand } = cardOf(world, dispute);
  return {
    balance_transactions: [],
    enhanced_eligibility_types: [],
    intended_submission_method: null,
    ...publicPart(dispute),
    evidence: {
      ...Object.fromEntries(evidenceKeys.map((key) => [key, dispute._evidence[key] ?? null])),
      enhanced_evidence: {},
    },
    evidence_details: {
      due_by: dispute._due_by,
      enhanced_eligibility: {},
      has_evidence: Object.keys(dispute._evidence).length > 0,
      past_due: false,
      submission_count: dispute._submissions,
      submission_method: dispute._submissions > 0 ? 'manual' : 'not_submitted',
    },
    payment_method_details: {
      card: {
        brand,
        case_type: isInquiry(dispute) ? 'inquiry' : 'chargeback',
        network: brand,
        network_reason_code: '10',
      },
      type: 'card',
    },
  };
};

const cardOf = (world: World, dispute: Dispute): { brand: string } => {
  const charge = world.store.get('charge', dispute.charge) as
    { payment_method?: string } | undefined;
  return {
    brand: world.store.get('payment_method', charge?.payment_method ?? '')?.card?.brand ?? 'visa',
  };
};
