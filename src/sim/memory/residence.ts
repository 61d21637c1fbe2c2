/**
 * Which tensors stay on chip between the ops of a step. The outermost level keeps the tensors that are read soonest and lets
 * go those that are read last (Belady, IBM Systems Journal 1966): the trace tells the future. A tensor that stays from its
 * making to its last reading never sees DRAM; one that has to leave is written to DRAM when it is made. docs/memory.md has
 * the rules one by one.
 */
import { Heap } from "../../core/heap.ts";

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
  /** Ops that read it, and how many of them are over. */
  readonly readers: number[];
  over: number;
}

/** A value on chip until it is next read. */
interface Stay {
  readonly value: Value;
  readonly next: number;
  /** When it came, before or after others. */
  readonly order: number;
}

/** Whoever is read last leaves first, of several the one that came first. */
const leavesBefore = (a: Stay, b: Stay) => a.next > b.next || (a.next === b.next && a.order < b.order);

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
  const found = new Residences(ops.length);
  const onChip = new Map<Value, Stay>();
  /** Stays, also such as are over or were renewed. */
  const leaving = new Heap(leavesBefore);
  let [used, arrivals] = [0, 0];
  const stay = (value: Value, at: number, order: number) => {
    const renewed = { value, next: nextRead(value, at), order };
    onChip.set(value, renewed);
    leaving.add(renewed);
  };
  const leave = (value: Value) => {
    if (onChip.delete(value)) used -= bytesOf(value.id);
  };
  /** Keeps a value if it fits, at the cost of those only that are read later. */
  const keep = (value: Value, at: number): boolean => {
    const next = nextRead(value, at);
    const most = room - bytesOf(value.id);
    if (next === Number.POSITIVE_INFINITY || most < 0) return false;
    const later: Stay[] = [];
    for (let left = used; left > most; ) {
      const { first } = leaving;
      if (first === undefined || first.next <= next) {
        for (const other of later) leaving.add(other);
        return false;
      }
      leaving.removeFirst();
      if (onChip.get(first.value) !== first) continue;
      later.push(first);
      left -= bytesOf(first.value.id);
    }
    for (const { value: other } of later) {
      leave(other);
      if (other.maker !== undefined) found.remove("writes", other.maker, other.id);
    }
    used += bytesOf(value.id);
    stay(value, at, arrivals++);
    return true;
  };

  valuesOf(ops).forEach(({ reads, writes }, at) => {
    // Their stays end at this op, so that nothing takes their place before they are renewed.
    const pinned = reads.filter((value) => onChip.has(value));
    for (const { id } of pinned) found.add("reads", at, id);
    const done = reads.filter((value) => nextRead(value, at) === Number.POSITIVE_INFINITY);
    if (ops[at].isInPlace) done.forEach(leave);
    for (const value of writes) {
      leave(value);
      value.maker = at;
      if (keep(value, at) && !outlives(value.id)) found.add("writes", at, value.id);
    }
    for (const value of reads) if (!onChip.has(value)) keep(value, at);
    done.forEach(leave);
    for (const value of pinned) {
      const old = onChip.get(value);
      if (old !== undefined) stay(value, at, old.order);
    }
  });
  return found.shared();
}

const NONE: ReadonlySet<string> = new Set();

/** Sets of ids by op, of which equal ones are one in the end: ops are many, and most have none or the same few. */
class Residences {
  readonly #reads: (Set<string> | undefined)[];
  readonly #writes: (Set<string> | undefined)[];

  constructor(ops: number) {
    this.#reads = new Array(ops).fill(undefined);
    this.#writes = new Array(ops).fill(undefined);
  }

  add(kind: keyof Residence, op: number, id: string): void {
    const sets = kind === "reads" ? this.#reads : this.#writes;
    const ids = sets[op] ?? new Set();
    sets[op] = ids.add(id);
  }

  remove(kind: keyof Residence, op: number, id: string): void {
    (kind === "reads" ? this.#reads : this.#writes)[op]?.delete(id);
  }

  shared(): Residence[] {
    const known = new Map<string, Residence>();
    return this.#reads.map((ids, op) => {
      const [reads, writes] = [ids ?? NONE, this.#writes[op] ?? NONE];
      const key = JSON.stringify([[...reads], [...writes]]);
      const residence = known.get(key) ?? { reads, writes };
      known.set(key, residence);
      return residence;
    });
  }
}

/** @param after from call to call the same op or a later one. */
function nextRead(value: Value, after: number): number {
  while (value.readers[value.over] <= after) value.over++;
  return value.readers[value.over] ?? Number.POSITIVE_INFINITY;
}

/** The values that each op reads and writes, in its order. */
function valuesOf(ops: readonly Touch[]): { readonly reads: Value[]; readonly writes: Value[] }[] {
  const current = new Map<string, Value>();
  /** Made, and not read yet. */
  const unread = new Set<Value>();
  const renew = (id: string): Value => {
    const value = { id, maker: undefined, readers: [], over: 0 };
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
