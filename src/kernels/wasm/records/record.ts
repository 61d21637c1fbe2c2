/**
 * Records: what a kernel is given in memory, as one address. A record is a class of 32-bit words that the host and
 * AssemblyScript both import, so that neither keeps a list of offsets: AssemblyScript lays its fields out in the order in
 * which they stand, and the host writes them in that order. Its defaults are there for the host alone.
 */
import type { Runner } from "../run/runner.ts";

type Memory = Pick<Runner, "memory" | "allocate">;

const WORD_BYTES = 4;

const fieldNames = new WeakMap<new () => object, readonly string[]>();

/** Names of the fields, in their order. */
function namesOf(Kind: new () => object): readonly string[] {
  let names = fieldNames.get(Kind);
  if (names === undefined) {
    names = Object.keys(new Kind());
    fieldNames.set(Kind, names);
  }
  return names;
}

/** Bytes of a record. */
export function bytesOf(Kind: new () => object): number {
  return namesOf(Kind).length * WORD_BYTES;
}

/** Writes a record at an address, which it returns. */
export function writeRecord<R extends object>(
  { memory }: Pick<Runner, "memory">,
  address: number,
  Kind: new () => R,
  fields: R,
): number {
  const names = namesOf(Kind) as readonly (keyof R)[];
  const words = new Uint32Array(memory.buffer, address, names.length);
  for (let i = 0; i < names.length; i++) words[i] = fields[names[i]] as number;
  return address;
}

/** A record of a layer or tensor, in memory of its own. */
export function createRecord<R extends object>(runner: Memory, Kind: new () => R, fields: R): number {
  return writeRecord(runner, runner.allocate(bytesOf(Kind)), Kind, fields);
}
