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

/** Bursts below this have 32-bit numbers, which are split by shifts. */
const SMALL = 2 ** 31;

/** One field of the numbers of bursts (address / burst bytes); what lies above the last row wraps around. */
export class BurstField {
  readonly #stride: number;
  readonly #size: number;
  /** Of a field between powers of two, else −1. */
  readonly #shift: number;

  /** @param stride bursts from one value of the field to the next. */
  constructor(stride: number, size: number) {
    this.#stride = stride;
    this.#size = size;
    const isBinary = Number.isInteger(Math.log2(stride)) && Number.isInteger(Math.log2(size)) && stride * size <= SMALL;
    this.#shift = isBinary ? Math.log2(stride) : -1;
  }

  of(burst: number): number {
    if (this.#shift >= 0 && burst < SMALL) return (burst >>> this.#shift) & (this.#size - 1);
    return Math.floor(burst / this.#stride) % this.#size;
  }
}

/** The fields of a map by name. @param order from the least significant. */
export function burstFields(
  order: readonly AddressField[],
  sizes: FieldSizes,
): Readonly<Record<AddressField, BurstField>> {
  let stride = 1;
  const fields = order.map((field) => {
    const entry = [field, new BurstField(stride, sizes[field])] as const;
    stride *= sizes[field];
    return entry;
  });
  return Object.fromEntries(fields) as Record<AddressField, BurstField>;
}
