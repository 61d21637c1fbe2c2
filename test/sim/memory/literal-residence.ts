/**
 * What stays on chip between the ops of a step and what they move over DRAM, as docs/memory.md says it, rule by rule: a list of
 * what is on chip, and for every question a look at the ops that follow. Shares no code with the simulator.
 */

/** An op as the walker sees it. */
export interface LiteralOp {
  readonly kind: string;
  readonly reads: readonly string[];
  readonly writes: readonly string[];
  /** Of the whole op, what is charged. */
  readonly share?: number;
}

/** A tensor as the walker sees it. */
export interface LiteralTensor {
  /** Bytes in DRAM and in the outermost level. */
  readonly dramBytes: number;
  readonly chipBytes: number;
  /** Whether the outermost level holds it in every role that it has. */
  readonly mayStay: boolean;
  /** Parameters and the optimizer's state. */
  readonly outlivesStep: boolean;
}

/** What an op finds and leaves on chip, and what it moves over DRAM. */
export interface LiteralPlacement {
  readonly readOnChip: readonly string[];
  readonly writtenOnChip: readonly string[];
  readonly read: number;
  readonly written: number;
}

/** A tensor on chip, and the op that made it there; null where it came from DRAM. */
interface Guest {
  readonly name: string;
  readonly madeAt: number | null;
}

const NEVER = Number.POSITIVE_INFINITY;
const ELEMENT_BY_ELEMENT = ["batchNorm", "relu", "add", "dropout", "optimizer"];

/** Plays a step. */
export function literalPlacements(
  ops: readonly LiteralOp[],
  tensors: Readonly<Record<string, LiteralTensor>>,
  room: number,
): LiteralPlacement[] {
  const readOnChip = ops.map((): string[] => []);
  const writtenOnChip = ops.map((): string[] => []);
  let guests: Guest[] = [];
  ops.forEach(({ kind, reads, writes }, now) => {
    const pinned = guests.filter(({ name }) => reads.includes(name));
    readOnChip[now] = pinned.map(({ name }) => name);
    // What the op writes anew is another value: the one that it reads ends here.
    const isLastRead = (name: string) => writes.includes(name) || nextRead(ops, name, now) === NEVER;
    const finished = pinned.filter(({ name }) => isLastRead(name));
    if (ELEMENT_BY_ELEMENT.includes(kind)) guests = guests.filter((guest) => !finished.includes(guest));

    const place = (guest: Guest): boolean => {
      const { chipBytes, mayStay } = tensors[guest.name];
      const next = nextRead(ops, guest.name, now);
      if (!mayStay || next === NEVER) return false;
      const free = () => room - guests.reduce((sum, { name }) => sum + tensors[name].chipBytes, 0);
      const before = guests;
      const leaving: Guest[] = [];
      while (free() < chipBytes) {
        const last = guests
          .filter((other) => !pinned.includes(other) && nextRead(ops, other.name, now) > next)
          .reduce<Guest | undefined>(
            (a, b) => (a && nextRead(ops, a.name, now) >= nextRead(ops, b.name, now) ? a : b),
            undefined,
          );
        if (last === undefined) {
          guests = before;
          return false;
        }
        leaving.push(last);
        guests = guests.filter((other) => other !== last);
      }
      for (const { name, madeAt } of leaving) {
        if (madeAt !== null) writtenOnChip[madeAt] = writtenOnChip[madeAt].filter((other) => other !== name);
      }
      guests = [...guests, guest];
      return true;
    };
    for (const name of writes) {
      guests = guests.filter((guest) => guest.name !== name || pinned.includes(guest));
      if (place({ name, madeAt: now }) && !tensors[name].outlivesStep) writtenOnChip[now].push(name);
    }
    for (const name of reads) {
      const isThere = guests.some((guest) => guest.name === name) || pinned.some((guest) => guest.name === name);
      if (!isThere && !isLastRead(name)) place({ name, madeAt: null });
    }
    guests = guests.filter((guest) => !finished.includes(guest));
  });
  return ops.map((op, at) => ({
    readOnChip: readOnChip[at],
    writtenOnChip: writtenOnChip[at],
    ...movedBytes(op, readOnChip[at], writtenOnChip[at], tensors),
  }));
}

/** The next op that reads what is in a tensor after op `now`: overwriting it ends that, adding to what nobody has read does not. */
function nextRead(ops: readonly LiteralOp[], name: string, now: number): number {
  let isUnread = false;
  for (let at = 0; at < ops.length; at++) {
    const { reads, writes } = ops[at];
    if (at > now && reads.includes(name)) return at;
    if (at > now && writes.includes(name) && !isUnread) return NEVER;
    if (reads.includes(name)) isUnread = false;
    if (writes.includes(name)) isUnread = true;
  }
  return NEVER;
}

/** Batch norm goes through what it reads twice; an op with a share moves that share of each tensor, in whole bytes. */
function movedBytes(
  { kind, reads, writes, share = 1 }: LiteralOp,
  readOnChip: readonly string[],
  writtenOnChip: readonly string[],
  tensors: Readonly<Record<string, LiteralTensor>>,
): { readonly read: number; readonly written: number } {
  const sum = (names: readonly string[], onChip: readonly string[], times: number) =>
    names
      .filter((name) => !onChip.includes(name))
      .reduce((bytes, name) => bytes + Math.ceil(tensors[name].dramBytes * times), 0);
  const times = kind === "batchNorm" ? 2 : 1;
  return { read: sum(reads, readOnChip, times * share), written: sum(writes, writtenOnChip, share) };
}
