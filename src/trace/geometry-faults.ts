/** Whether an op's geometry is possible and fits the shapes of the tensors it names. */

import { type ConvGeometry, outputHeight, outputWidth, sizeOf } from "../core/geometry.ts";
import { LEAST_REACH } from "../core/input/limits.ts";
import { OPERANDS_OF, RESULT_OF, SHAPE_OF } from "../core/passes.ts";
import type { TraceTensor, UncheckedMacOp } from "./manifest.ts";

/** What is wrong with `op`, one line each; an empty list when it fits. */
export function geometryFaults(op: UncheckedMacOp, tensor: (id: string) => TraceTensor): string[] {
  const g: ConvGeometry = op.geometry;
  const faults: string[] = [];
  if (g.C % g.groups !== 0 || g.K % g.groups !== 0) {
    faults.push(`geometry: groups must divide C and K, got groups ${g.groups}, C ${g.C}, K ${g.K}`);
    return faults;
  }
  if (outputHeight(g) < 1 || outputWidth(g) < 1) {
    faults.push(
      `geometry: the kernel is larger than the padded input, got kernel ${g.R}×${g.S}, input ${g.H}×${g.W}, padding [${g.padding}]`,
    );
    return faults;
  }
  const reach = reachFaults(g);
  if (reach.length > 0) return reach;
  const wanted = OPERANDS_OF[op.pass];
  for (const name of wanted) {
    const id = op.operands[name];
    if (id === undefined) {
      faults.push(`operands: missing "${name}"; ${op.pass} multiplies ${wanted.join(" and ")}`);
      continue;
    }
    const expected = SHAPE_OF[name](g);
    const { shape } = tensor(id);
    if (!fits(shape, expected)) {
      faults.push(`operands.${name}: geometry needs [${expected}], got tensor "${id}" of [${shape}]`);
    }
  }
  if (op.output !== undefined) {
    const expected = SHAPE_OF[RESULT_OF[op.pass]](g);
    const { shape } = tensor(op.output);
    if (!fits(shape, expected)) {
      faults.push(`output: geometry gives [${expected}], got tensor "${op.output}" of [${shape}]`);
    }
  }
  for (const name of Object.keys(op.operands)) {
    if (!wanted.some((operand) => operand === name)) {
      faults.push(`operands: "${name}" is not an operand of ${op.pass}; known: ${wanted.join(", ")}`);
    }
  }
  return faults;
}

/** Steps, dilations and padding far beyond the image change nothing but how much a machine model walks over. */
function reachFaults({ H, W, stride, padding, dilation }: ConvGeometry): string[] {
  const sides = [
    { at: 0, side: H, pads: padding.slice(0, 2) },
    { at: 1, side: W, pads: padding.slice(2) },
  ];
  return sides.flatMap(({ at, side, pads }) => {
    const mostPadding = Math.max(2 * side, LEAST_REACH);
    const most = Math.max(side + pads[0] + pads[1], LEAST_REACH);
    const fields = [
      ...pads.map((value, i) => ({ field: `padding.${2 * at + i}`, value, limit: mostPadding })),
      { field: `stride.${at}`, value: stride[at], limit: most },
      { field: `dilation.${at}`, value: dilation[at], limit: most },
    ];
    return fields
      .filter(({ value, limit }) => value > limit)
      .map(
        ({ field, value, limit }) =>
          `geometry: ${field}: too large, got ${value}; valid: at most ${limit} for a side of ${side}`,
      );
  });
}

/** The same shape; operands of a linear layer may also be flat, or not yet flattened: [N, C], [N, c, h, w] with C = c·h·w. */
function fits(shape: readonly number[], expected: readonly number[]): boolean {
  const linear = expected[2] === 1 && expected[3] === 1;
  if (linear) return shape[0] === expected[0] && sizeOf(shape) === sizeOf(expected);
  return shape.length === expected.length && shape.every((extent, i) => extent === expected[i]);
}
