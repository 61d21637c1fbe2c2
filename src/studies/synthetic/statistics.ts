/** The statistics of the zeros of a trace, operand by operand, in the terms of the settings of a synthetic one, and on the mean. */
import { sizeOf } from "../../kernels/geometry.ts";
import { isMacOp, type TraceTensor } from "../../trace/manifest.ts";
import type { Operand } from "../../trace/passes.ts";
import type { Trace } from "../../trace/trace.ts";
import { activationPattern, weightPattern } from "./measure.ts";
import type { SyntheticSettings } from "./settings.ts";

/** One operand; a figure that its mask does not tell is null. */
export interface OperandPattern {
  readonly layer: string;
  readonly operand: Operand | "saved input";
  readonly tensor: string;
  readonly density: number;
  readonly filterSpread: number | null;
  readonly channelSpread: number | null;
  readonly offsets: number | null;
  readonly common: number | null;
  readonly correlation: number | null;
}

/** Of a whole trace. */
export interface TracePatterns {
  readonly operands: readonly OperandPattern[];
  /** Means over the masked weights of convolutions, and over the masked inputs of more than one pixel that no method chose. */
  readonly settings: Partial<SyntheticSettings>;
}

type Figures = Partial<Record<keyof SyntheticSettings, number | null>>;

const NOT_TOLD = { filterSpread: null, channelSpread: null, offsets: null, common: null, correlation: null };

/** Measures every operand once, in the order of the ops. */
export async function tracePatterns(trace: Trace): Promise<TracePatterns> {
  const seen = new Set<string>();
  const operands: OperandPattern[] = [];
  const means = new Map<keyof SyntheticSettings, number[]>();
  const count = (figures: Figures) => {
    for (const [name, value] of Object.entries(figures) as [keyof SyntheticSettings, number | null][]) {
      if (value !== null) means.set(name, [...(means.get(name) ?? []), value]);
    }
  };
  for (const { layer, kind, operands: named } of trace.manifest.ops.filter(isMacOp)) {
    for (const [name, id] of Object.entries(named) as [Operand, string][]) {
      if (seen.has(id)) continue;
      seen.add(id);
      const tensor = trace.tensor(id);
      const density = tensor.nonzeros / sizeOf(tensor.shape);
      const operand = tensor.role === "savedActivation" ? "saved input" : name;
      const figures = await figuresOf(trace, tensor, name);
      operands.push({ layer, operand, tensor: id, density, ...NOT_TOLD, ...figures });
      if (name === "weight" && kind === "conv") count(figures);
      if (operand === "input" && typeof figures.correlation === "number") {
        count({ naturalDensity: density, ...figures });
      }
    }
  }
  const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
  return { operands, settings: Object.fromEntries([...means].map(([name, values]) => [name, mean(values)])) };
}

async function figuresOf(trace: Trace, { id, mask }: TraceTensor, operand: Operand): Promise<Figures> {
  if (mask === undefined || operand === "outputGrad") return {};
  const bits = await trace.mask(id);
  return (operand === "weight" ? weightPattern(bits) : activationPattern(bits)) ?? {};
}
