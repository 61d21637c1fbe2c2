/**
 * Laws that compare two operations on one machine: a kernel of one tap does not see dilation, images that run one after the
 * other may come in any order, and a zero in place of a nonzero is never more work.
 */
import { type BitMask, getBit, setBit, sliceSize, zerosMask } from "../../core/bit-mask.ts";
import { type Accelerator, type ComputeResult, withCurrentNames } from "../hardware/accelerator.ts";
import { mapMasks, OPERANDS_OF, type Operand, type Operation, operandsOf } from "../operation/operation.ts";

type Run = (operation: Operation) => ComputeResult;

/** Faults in how `accelerator` takes `operation` and others that are hardly another; empty where it keeps every law. */
export function relationFaults<Schema extends Accelerator["params"]>(
  accelerator: Accelerator<Schema>,
  params: Parameters<Accelerator<Schema>["run"]>[1],
  operation: Operation,
): string[] {
  const run: Run = (one) => withCurrentNames(accelerator.run(one, params));
  const { skipped } = accelerator.mappings[operation.pass];
  const takesImages = (params as Readonly<Record<string, unknown>>).batch === "image";
  return [
    ...dilationFaults(run, operation),
    ...(takesImages ? imageOrderFaults(run, operation) : []),
    ...clearedFaults(run, operation, skipped.startsWith("sparser")),
  ];
}

/** Along an axis where the kernel has one tap, there is nothing that dilation could move apart. */
function dilationFaults(run: Run, operation: Operation): string[] {
  const { geometry } = operation;
  const [vertical, horizontal] = geometry.dilation;
  if (geometry.R !== 1 && geometry.S !== 1) return [];
  const dilation = [
    geometry.R === 1 ? vertical + 1 : vertical,
    geometry.S === 1 ? horizontal + 2 : horizontal,
  ] as const;
  const [own, other] = [run(operation), run({ ...operation, geometry: { ...geometry, dilation } })];
  const [was, is] = [own, other].map((result) => JSON.stringify(result));
  return was === is ? [] : [`a dilation that reaches nothing changes the result: ${was} is ${is} with ${dilation}`];
}

/** The same sums over images, whichever comes first; `scheduled` is of the last one. */
function imageOrderFaults(run: Run, operation: Operation): string[] {
  if (operation.geometry.N < 2) return [];
  const turned = mapMasks(operation, (mask, operand) => (operand === "weight" ? mask : reversed(mask)));
  const [was, is] = [operation, turned].map((one) => JSON.stringify({ ...run(one), scheduled: null }));
  return was === is ? [] : [`the order of images changes the result: ${was} is ${is} in reverse`];
}

function reversed(mask: BitMask): BitMask {
  const turned = zerosMask(mask.shape);
  const [slices] = mask.shape;
  for (let slice = 0; slice < slices; slice++) {
    for (let i = 0; i < sliceSize(mask.shape); i++) if (getBit(mask, slice, i)) setBit(turned, slices - 1 - slice, i);
  }
  return turned;
}

/** Without one of its nonzeros, an operation occupies multipliers no longer, unless the machine then looks at the other operand. */
function clearedFaults(run: Run, operation: Operation, mayChoose: boolean): string[] {
  const before = run(operation);
  // Each image may choose its operand, and the result names the choice of the last one only.
  if (mayChoose && operation.geometry.N > 1 && before.scheduled !== "both") return [];
  return OPERANDS_OF[operation.pass].flatMap((operand) => {
    const cleared = withoutOne(operation, operand);
    if (cleared === undefined) return [];
    const after = run(cleared);
    const [was, is] = [before, after].map(({ multiplierCycles }) => multiplierCycles?.occupied ?? 0);
    if (after.scheduled !== before.scheduled || is <= was) return [];
    return [`a zero more in ${operand} adds work: ${was} occupied multiplier-cycles become ${is}`];
  });
}

/** The operation without one nonzero of an operand; undefined where that has none. */
function withoutOne(operation: Operation, operand: Operand): Operation | undefined {
  const [, mask] = operandsOf(operation).find(([name]) => name === operand) as [Operand, BitMask];
  const middle = mask.bytes.length >> 1;
  const behind = mask.bytes.findIndex((byte, at) => byte !== 0 && at >= middle);
  const at = behind >= 0 ? behind : mask.bytes.findLastIndex((byte) => byte !== 0);
  if (at < 0) return undefined;
  const bytes = mask.bytes.slice();
  // Its lowest bit.
  bytes[at] &= bytes[at] - 1;
  return mapMasks(operation, (other, name) => (name === operand ? { shape: mask.shape, bytes } : other));
}
