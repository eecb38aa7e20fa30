// Decisions kept for as long as the service says that they hold: X-Accel-Expires, in seconds, and nothing where a
// check counts. Bounded; the entry used longest ago goes first. Decides nothing and asks nobody.
import type { Decision } from './types.ts';

export type Kept = {
  decision: Decision;
  freshUntil: number;
  /** Whether somebody is asking for a newer one. */
  isRefreshing: boolean;
};
export type Cache = {
  get(key: string): Kept | undefined;
  put(key: string, decision: Decision, seconds: number): void;
  drop(key: string): void;
};

export function createCache(options: { max: number; now: () => number }): Cache {
  const { max, now } = options;
  // A Map keeps the order of insertion: whoever is used is put in again.
  const entries = new Map<string, Kept>();

  return {
    get(key: string): Kept | undefined {
      const kept = entries.get(key);
      if (!kept) return undefined;
      entries.delete(key);
      entries.set(key, kept);
      return kept;
    },
    put(key: string, decision: Decision, seconds: number): void {
      entries.delete(key);
      if (max === 0) return;
      if (entries.size >= max) entries.delete(entries.keys().next().value!);
      entries.set(key, { decision, freshUntil: now() + seconds * 1000, isRefreshing: false });
    },
    drop(key: string): void {
      entries.delete(key);
    },
  };
}
