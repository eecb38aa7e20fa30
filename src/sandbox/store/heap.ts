// A binary heap of due instants. Entries may be stale: whoever takes one checks it against its row.

export type Due = { at: number; rank: number; order: number; id: string };

const isBefore = (a: Due, b: Due): boolean =>
  a.at !== b.at ? a.at < b.at : a.rank !== b.rank ? a.rank < b.rank : a.order < b.order;

export type Heap = ReturnType<typeof createHeap>;

export const createHeap = () => {
  const nodes: Due[] = [];
  const swap = (i: number, j: number): void => {
    const held = nodes[i]!;
    nodes[i] = nodes[j]!;
    nodes[j] = held;
  };
  const smallerChild = (i: number): number => {
    const left = 2 * i + 1;
    const right = left + 1;
    return right < nodes.length && isBefore(nodes[right]!, nodes[left]!) ? right : left;
  };
  return {
    push: (due: Due): void => {
      nodes.push(due);
      for (let i = nodes.length - 1; i > 0;) {
        const parent = (i - 1) >> 1;
        if (!isBefore(nodes[i]!, nodes[parent]!)) return;
        swap(i, parent);
        i = parent;
      }
    },
    peek: (): Due | undefined => nodes[0],
    pop: (): Due | undefined => {
      const first = nodes[0];
      const last = nodes.pop();
      if (first === undefined || last === undefined || nodes.length === 0) return first;
      nodes[0] = last;
      for (let i = 0, child = smallerChild(0); child < nodes.length; child = smallerChild(i)) {
        if (!isBefore(nodes[child]!, nodes[i]!)) break;
        swap(i, child);
        i = child;
      }
      return first;
    },
  };
};
