/** The statistics of the zeros of a trace, operand by operand, in the terms of the patterns that synthetic ones are drawn from. */
import { sizeOf } from "../../core/geometry.ts";
import { isMacOp, type TraceTensor } from "../../trace/manifest.ts";
import type { Trace } from "../../trace/trace.ts";
import type { SyntheticSettings } from "../settings.ts";
import { activationPattern, type MeasuredField } from "./measure-activation.ts";
import { type MeasuredWeight, weightPattern } from "./measure-weight.ts";

/** One operand of a layer; its pattern is null where its mask tells none: it is dense, or nearly so. */
interface MeasuredOperand<Pattern> {
  readonly tensor: string;
  readonly density: number;
  readonly pattern: Pattern | null;
}

/** The operands of a layer that have patterns. */
export interface MeasuredLayer {
  readonly layer: string;
  readonly kind: "conv" | "linear";
  /** Height and width of the kernel, multiplied. */
  readonly taps: number;
  readonly weight: MeasuredOperand<MeasuredWeight>;
  /** What the forward pass reads, with its activation zeros; saved inputs are what the method kept of it. */
  readonly input: MeasuredOperand<MeasuredField>;
  readonly saved: MeasuredOperand<MeasuredField>;
  readonly outputGrad: MeasuredOperand<MeasuredField>;
}

/** Of a whole trace. */
export interface TracePatterns {
  readonly network: string;
  readonly method: string;
  readonly sparsity: number;
  readonly layers: readonly MeasuredLayer[];
  /** Outputs of ReLUs by their names, in order. */
  readonly rectified: readonly { readonly name: string; readonly pattern: MeasuredField | null }[];
}

/** Measures every layer of a trace, in the order of its forward ops. @throws Error where a mask cannot be read. */
export async function tracePatterns(trace: Trace): Promise<TracePatterns> {
  const { network, method, ops } = trace.manifest;
  const multiplying = ops.filter(isMacOp);
  const known = new Map<string, Promise<MeasuredField | null>>();
  const field = async (id: string | undefined): Promise<MeasuredOperand<MeasuredField>> => {
    if (id === undefined) return { tensor: "", density: 1, pattern: null };
    const tensor = trace.tensor(id);
    if (!known.has(id)) known.set(id, fieldOf(trace, tensor));
    return { tensor: id, density: densityOf(tensor), pattern: (await known.get(id)) ?? null };
  };
  const layers: MeasuredLayer[] = [];
  for (const { pass, layer, kind, geometry, operands } of multiplying) {
    if (pass !== "forward") continue;
    const backward = multiplying.find((op) => op.layer === layer && op.pass === "weightGrad")?.operands;
    const weight = trace.tensor(operands.weight);
    layers.push({
      ...{ layer, kind, taps: geometry.R * geometry.S },
      weight: { tensor: weight.id, density: densityOf(weight), pattern: await weightOf(trace, weight) },
      input: await field(operands.input),
      saved: await field(backward?.input),
      outputGrad: await field(backward?.outputGrad),
    });
  }
  const rectified = [];
  for (const op of ops) {
    if (isMacOp(op) || op.kind !== "relu" || op.pass !== "forward") continue;
    rectified.push({ name: op.layer, pattern: (await field(op.writes[0])).pattern });
  }
  return { network, method: method.name, sparsity: method.sparsity ?? 0, layers, rectified };
}

function densityOf({ nonzeros, shape }: TraceTensor): number {
  return nonzeros / sizeOf(shape);
}

async function fieldOf(trace: Trace, { id, mask }: TraceTensor): Promise<MeasuredField | null> {
  return mask === undefined ? null : activationPattern(await trace.mask(id));
}

async function weightOf(trace: Trace, { id, mask }: TraceTensor): Promise<MeasuredWeight | null> {
  return mask === undefined ? null : weightPattern(await trace.mask(id));
}

/** One operand as a line of figures, by the names of the settings; null where its mask does not tell one. */
export interface OperandFigures {
  readonly layer: string;
  readonly operand: "weight" | "input" | "saved input" | "output gradient";
  readonly tensor: string;
  readonly density: number;
  readonly figures: Readonly<Partial<SyntheticSettings>>;
}

/** Every operand of a trace once, in the order of the layers. */
export function operandFigures({ layers }: TracePatterns): OperandFigures[] {
  const seen = new Set([""]);
  return layers.flatMap(({ layer, weight, input, saved, outputGrad }) =>
    [
      { operand: "weight" as const, ...weight, figures: weightFigures(weight.pattern) },
      { operand: "input" as const, ...input, figures: naturalFigures(input) },
      { operand: "saved input" as const, ...saved, figures: savedFigures(saved.pattern) },
      { operand: "output gradient" as const, ...outputGrad, figures: {} },
    ].flatMap(({ operand, tensor, density, figures }) => {
      if (seen.has(tensor)) return [];
      seen.add(tensor);
      return [{ layer, operand, tensor, density, figures }];
    }),
  );
}

/** Means over the convolutions, of each figure over the layers that tell it. */
export function meanSettings(patterns: TracePatterns): Partial<SyntheticSettings> {
  const kinds = new Map(patterns.layers.map(({ layer, kind }) => [layer, kind]));
  const all = new Map<string, number[]>();
  for (const { layer, figures } of operandFigures(patterns)) {
    if (kinds.get(layer) !== "conv") continue;
    for (const [name, value] of Object.entries(figures)) all.set(name, [...(all.get(name) ?? []), value]);
  }
  const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
  return Object.fromEntries([...all].map(([name, values]) => [name, mean(values)]));
}

function weightFigures(pattern: MeasuredWeight | null): Partial<SyntheticSettings> {
  if (pattern === null) return {};
  return { filterSpread: pattern.filterSpread, channelSpread: pattern.channelSpread, sliceSpread: pattern.slices };
}

function naturalFigures({ density, pattern }: MeasuredOperand<MeasuredField>): Partial<SyntheticSettings> {
  if (pattern === null) return {};
  const { offsets, images, planes, places, channelPlaces, common, correlation, curvature } = pattern;
  return {
    ...{ naturalDensity: density, offsets, imageOffsets: images, planeOffsets: planes },
    ...{ placeOffsets: places, channelPlaceOffsets: channelPlaces, common, correlation, curvature },
  };
}

function savedFigures(pattern: MeasuredField | null): Partial<SyntheticSettings> {
  if (pattern === null) return {};
  const { offsets, images, planes, places, channelPlaces, common } = pattern;
  return {
    ...{ savedOffsets: offsets, savedImageOffsets: images, savedPlaneOffsets: planes },
    ...{ savedPlaceOffsets: places, savedChannelPlaceOffsets: channelPlaces, savedCommon: common },
  };
}
