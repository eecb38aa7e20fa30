// When the use of a limit is told: each threshold once per window, and that there is room again.
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { alertNews } from '../../src/domain/usage-alert.ts';

const thresholds = [50, 80, 100];
const use = (used: number, max = 100, start = 1) => ({ start, max, used });
const alert = (reached: number, max: number | null = 100, start = 1) => ({ start, max, reached });

describe('news of a limit', () => {
  test.each([
    ['nothing at 49', null, use(49), [], null, 0],
    ['50 exactly at 50', null, use(50), [50], null, 50],
    ['all that were passed at once', null, use(100), [50, 80, 100], null, 100],
    ['only what is new', alert(50), use(85), [80], null, 80],
    ['nothing twice', alert(80), use(99), [], null, 80],
    ['beyond the limit nothing more', alert(100), use(300), [], null, 100],
    ['recovered by a reset', alert(100), use(0, 100, 2), [], 100, 0],
    ['recovered by a reset, and reached again', alert(100), use(60, 100, 2), [50], 100, 50],
    ['recovered by a higher limit', alert(100), use(100, 1_000), [], 100, 0],
    ['recovered in part', alert(100), use(100, 200), [], 100, 50],
    ['a lower limit reaches more', alert(0, 1_000), use(80), [50, 80], null, 80],
    ['nothing of a limit of nothing', null, use(5, 0), [], null, 0],
    ['what was told stays told in its window', alert(80), use(10), [], null, 80],
    ['a limit that is gone', alert(80), null, [], 80, 0],
  ] as const)('%s', (_what, before, now, reached, recoveredFrom, holds) => {
    expect(alertNews(before, now, thresholds)).toEqual({ reached, recoveredFrom, now: holds });
  });

  test('tells each threshold once, however use grows within a window', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(60), { maxLength: 30 }), (steps) => {
        let used = 0;
        let state: ReturnType<typeof alert> | null = null;
        const told: number[] = [];
        for (const step of steps) {
          used += step;
          const news = alertNews(state, use(used), thresholds);
          told.push(...news.reached);
          expect(news.recoveredFrom).toBeNull();
          state = alert(news.now);
        }
        expect(told).toEqual(thresholds.filter((threshold) => used >= threshold));
      }),
    );
  });
});
