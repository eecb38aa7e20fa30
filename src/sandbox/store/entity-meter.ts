// Rows of metering: meters and the events they count.
import type { Row } from './entity.ts';

export type Meter = Row<'billing.meter'> & {
  created: number;
  customer_mapping: { event_payload_key: string; type: 'by_id' };
  default_aggregation: { formula: 'count' | 'last' | 'sum' };
  display_name: string;
  event_name: string;
  event_time_window: 'day' | 'hour' | null;
  livemode: false;
  status: 'active' | 'inactive';
  status_transitions: { deactivated_at: number | null };
  updated: number;
  value_settings: { event_payload_key: string };
};

/** Its id is `event_name identifier`: an identifier counts once. */
export type MeterEvent = Row<'billing.meter_event'> & {
  created: number;
  event_name: string;
  identifier: string;
  livemode: false;
  payload: Record<string, string>;
  timestamp: number;
  _customer: string;
  _value: number;
  _canceled: boolean;
};
