/**
 * Which channel, rank, bank and row an address belongs to. A map names the six fields from the most to the least
 * significant, two letters each, as DRAMsim3 does: ro row, ra rank, ba bank in its group, bg bank group, ch channel, co
 * column (in bursts). The offset within a burst stands below them all. Fields are digits of a mixed radix, so that any
 * number of channels will do.
 */
import { InputError } from "../../../io/faults.ts";

/** The fields of a map. */
export const ADDRESS_FIELDS = ["ro", "ra", "ba", "bg", "ch", "co"] as const;
/** One of them. */
export type AddressField = (typeof ADDRESS_FIELDS)[number];

/**
 * Bank groups lowest, so that consecutive bursts never wait for tCCD_L, then channels, so that a stream uses them all.
 * With one channel it is the same map as `rochrabacobg`.
 */
export const DEFAULT_ADDRESS_MAP = "rorabacochbg";

/** Sizes of the fields. */
export type FieldSizes = Readonly<Record<AddressField, number>>;

/** The fields of `map` from the least to the most significant. @throws Error that begins with `where` if a field is missing, unknown or twice. */
export function parseAddressMap(map: string, where: string): readonly AddressField[] {
  const parts: readonly string[] = map.match(/../g) ?? [];
  const valid = map.length === 2 * ADDRESS_FIELDS.length && ADDRESS_FIELDS.every((field) => parts.includes(field));
  if (!valid) {
    throw new InputError([
      `${where}: must hold each of ${ADDRESS_FIELDS.join(", ")} once, got "${map}"; valid: as "${DEFAULT_ADDRESS_MAP}"`,
    ]);
  }
  return [...parts].reverse() as AddressField[];
}

/** Splits the number of a burst (address / burst bytes) into its fields; those above the last row wrap around. */
export function decodeBurst(
  order: readonly AddressField[],
  sizes: FieldSizes,
  burst: number,
): Record<AddressField, number> {
  const fields = { ro: 0, ra: 0, ba: 0, bg: 0, ch: 0, co: 0 };
  let rest = burst;
  for (const field of order) {
    const above = Math.floor(rest / sizes[field]);
    fields[field] = rest - above * sizes[field];
    rest = above;
  }
  return fields;
}
