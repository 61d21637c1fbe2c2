/**
 * Which tensors stay on chip between the ops of a step. The outermost level keeps the tensors that are read soonest and lets
 * go those that are read last (Belady, IBM Systems Journal 1966): the trace tells the future. A tensor that stays from its
 * making to its last reading never sees DRAM; one that has to leave is written to DRAM when it is made. docs/memory.md has
 * the rules one by one.
 */

/** One op by what it touches. */
export interface Touch {
  readonly reads: readonly string[];
  readonly writes: readonly string[];
  /** Whether each element is read for the last time before it is written, so that a result may take the place of an operand. */
  readonly isInPlace?: boolean;
}

/** Tensors of an op that are, or stay, on chip. */
export interface Residence {
  readonly reads: ReadonlySet<string>;
  readonly writes: ReadonlySet<string>;
}

/**
 * What is in a tensor until an op overwrites it: what DRAM holds before the step, or what ops made. An op that writes a tensor
 * again before anything has read it adds to it: gradients of branches are one value.
 */
interface Value {
  readonly id: string;
  /** Op that wrote it last, if any. */
  maker: number | undefined;
  /** Ops that read it. */
  readonly readers: number[];
}

/**
 * @param bytesOf stored bytes of a tensor; Infinity for one that may not stay.
 * @param outlives whether a tensor is needed after the step, so that it is always written to DRAM.
 */
export function residenceOf(
  ops: readonly Touch[],
  room: number,
  bytesOf: (id: string) => number,
  outlives: (id: string) => boolean,
): readonly Residence[] {
  const residences = ops.map(() => ({ reads: new Set<string>(), writes: new Set<string>() }));
  const onChip = new Set<Value>();
  let used = 0;
  const leave = (value: Value) => {
    if (onChip.delete(value)) used -= bytesOf(value.id);
  };
  /** Keeps a value if it fits, at the cost of those only that are read later, and not of what its op reads on chip. */
  const keep = (value: Value, at: number, pinned: ReadonlySet<Value>): boolean => {
    const next = nextRead(value, at);
    if (next === Number.POSITIVE_INFINITY) return false;
    const later = [...onChip]
      .filter((other) => !pinned.has(other) && nextRead(other, at) > next)
      .sort((a, b) => nextRead(b, at) - nextRead(a, at));
    const most = room - bytesOf(value.id);
    const freed = later.reduce((sum, { id }) => sum + bytesOf(id), 0);
    if (used - freed > most) return false;
    for (const other of later) {
      if (used <= most) break;
      leave(other);
      if (other.maker !== undefined) residences[other.maker].writes.delete(other.id);
    }
    onChip.add(value);
    used += bytesOf(value.id);
    return true;
  };

  valuesOf(ops).forEach(({ reads, writes }, at) => {
    const pinned = new Set(reads.filter((value) => onChip.has(value)));
    for (const { id } of pinned) residences[at].reads.add(id);
    const done = reads.filter((value) => nextRead(value, at) === Number.POSITIVE_INFINITY);
    if (ops[at].isInPlace) done.forEach(leave);
    for (const value of writes) {
      leave(value);
      value.maker = at;
      if (keep(value, at, pinned) && !outlives(value.id)) residences[at].writes.add(value.id);
    }
    for (const value of reads) if (!onChip.has(value)) keep(value, at, pinned);
    done.forEach(leave);
  });
  return residences;
}

function nextRead({ readers }: Value, after: number): number {
  return readers.find((at) => at > after) ?? Number.POSITIVE_INFINITY;
}

/** The values that each op reads and writes, in its order. */
function valuesOf(ops: readonly Touch[]): { readonly reads: Value[]; readonly writes: Value[] }[] {
  const current = new Map<string, Value>();
  /** Made, and not read yet. */
  const unread = new Set<Value>();
  const renew = (id: string): Value => {
    const value = { id, maker: undefined, readers: [] };
    current.set(id, value);
    return value;
  };
  return ops.map(({ reads, writes }, at) => ({
    reads: [...new Set(reads)].map((id) => {
      const value = current.get(id) ?? renew(id);
      value.readers.push(at);
      unread.delete(value);
      return value;
    }),
    writes: [...new Set(writes)].map((id) => {
      const before = current.get(id);
      const value = before !== undefined && unread.has(before) ? before : renew(id);
      unread.add(value);
      return value;
    }),
  }));
}
