/**
 * Which tensors stay on chip between the ops of a step. The outermost level keeps the tensors that are read soonest and lets
 * go those that are read last (Belady, IBM Systems Journal 1966): the trace tells the future. A tensor that stays from its
 * making to its last reading never sees DRAM; one that has to leave is written to DRAM when it is made.
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
 * @param bytesOf stored bytes of a tensor; Infinity for one that may not stay.
 * @param outlives whether a tensor is needed after the step, so that it is always written to DRAM.
 */
export function residenceOf(
  ops: readonly Touch[],
  room: number,
  bytesOf: (id: string) => number,
  outlives: (id: string) => boolean,
): readonly Residence[] {
  const uses = new Map<string, number[]>();
  ops.forEach(({ reads }, at) => {
    for (const id of reads) uses.set(id, [...(uses.get(id) ?? []), at]);
  });
  const nextUse = (id: string, after: number) => uses.get(id)?.find((at) => at > after) ?? Number.POSITIVE_INFINITY;

  const residences = ops.map(() => ({ reads: new Set<string>(), writes: new Set<string>() }));
  const resident = new Map<string, number>();
  const madeBy = new Map<string, number>();
  let used = 0;
  const leave = (id: string) => {
    used -= resident.get(id) ?? 0;
    resident.delete(id);
  };
  /** Keeps a tensor if it fits, at the cost of those only that are read later, and not of what its op reads on chip. */
  const keep = (id: string, at: number): boolean => {
    const bytes = bytesOf(id);
    const next = nextUse(id, at);
    if (next === Number.POSITIVE_INFINITY) return false;
    const later = [...resident.keys()]
      .filter((other) => !residences[at].reads.has(other))
      .map((other) => ({ other, next: nextUse(other, at) }))
      .filter((candidate) => candidate.next > next)
      .sort((a, b) => b.next - a.next);
    const most = room - bytes;
    const freed = later.reduce((sum, { other }) => sum + (resident.get(other) ?? 0), 0);
    if (used - freed > most) return false;
    for (const { other } of later) {
      if (used <= most) break;
      leave(other);
      const maker = madeBy.get(other);
      if (maker !== undefined) residences[maker].writes.delete(other);
    }
    resident.set(id, bytes);
    used += bytes;
    return true;
  };

  ops.forEach(({ reads, writes, isInPlace = false }, at) => {
    for (const id of reads) if (resident.has(id)) residences[at].reads.add(id);
    const done = [...reads, ...writes].filter((id) => nextUse(id, at) === Number.POSITIVE_INFINITY);
    if (isInPlace) done.forEach(leave);
    for (const id of writes) {
      leave(id);
      madeBy.delete(id);
      if (!keep(id, at) || outlives(id)) continue;
      residences[at].writes.add(id);
      madeBy.set(id, at);
    }
    for (const id of reads) if (!resident.has(id)) keep(id, at);
    done.forEach(leave);
  });
  return residences;
}
