// Which events an endpoint wants, and how long an event that does not get through is tried. Pure.
import { eventTypes } from './event.ts';

/** What an endpoint may ask for: types, and whole groups of them such as `subscription.*`. */
export const eventFilters: string[] = [
  ...new Set(Object.keys(eventTypes).flatMap((type) => [`${type.split('.')[0]!}.*`, type])),
];

/** Seconds of business time after each failed attempt: the last one comes three days after the first. */
export const retryDelays = [
  5, 30, 120, 600, 1_800, 3_600, 7_200, 14_400, 28_800, 43_200, 43_200, 57_600, 57_600,
];

/** HTTP's word for "never again", which the specification takes up: the endpoint is switched off at once. */
export const goneStatus = 410;

/** When to try again after `attempts` have failed; null: given up. */
export function nextAttemptAt(attempts: number, now: Date): Date | null {
  const delay = retryDelays[attempts - 1];
  return delay === undefined ? null : new Date(now.getTime() + delay * 1000);
}

/** Why an address cannot be an endpoint's; null: it can. Where it really leads is checked when it is called. */
export function describeUrlFault(text: string, allowPrivate: boolean): string | null {
  if (!URL.canParse(text)) return 'must be a URL';
  const { protocol, username, password } = new URL(text);
  if (protocol !== 'https:' && !(allowPrivate && protocol === 'http:'))
    return 'must be an https URL';
  return username || password ? 'may hold no user name or password' : null;
}
