// Chance that can be repeated: the same seed and the same name give the same numbers, whatever else is drawn
// meanwhile and in whatever order it is asked for.
import { createHash } from 'node:crypto';

export type Random = {
  /** From 0 to below `count`. */
  below: (count: number) => number;
  /** True in so many of a hundred cases. */
  percent: (chance: number) => boolean;
  pick: <T>(list: readonly T[]) => T;
  shuffle: <T>(list: readonly T[]) => T[];
};

/** Numbers that depend on the seed and the name alone. */
export function random(seed: number, name: string): Random {
  let block = createHash('sha256').update(`${seed} ${name}`).digest();
  let at = 0;
  const next = (): number => {
    if (at === block.length) {
      block = createHash('sha256').update(block).digest();
      at = 0;
    }
    at += 4;
    return block.readUInt32BE(at - 4) / 2 ** 32;
  };
  const below = (count: number) => Math.floor(next() * count);
  return {
    below,
    percent: (chance) => next() * 100 < chance,
    pick: (list) => list[below(list.length)]!,
    shuffle: (list) =>
      list
        .map((item) => ({ item, rank: next() }))
        .toSorted((a, b) => a.rank - b.rank)
        .map(({ item }) => item),
  };
}
