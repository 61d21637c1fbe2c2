/** Synthetic steps for tests, and opening them. */
import { memorySource } from "../../src/io/byte-source.ts";
import { layersOf, type Network, parameterShape } from "../../src/networks/graph.ts";
import { type FixedMethod, fixedSparsities, PUBLISHED_EXEMPTIONS } from "../../src/sparsity/methods.ts";
import { fittedPatterns } from "../../src/synthetic/fit/defaults.ts";
import type { SyntheticSettings } from "../../src/synthetic/settings.ts";
import type { SyntheticStep } from "../../src/synthetic/step.ts";
import { synthesize } from "../../src/synthetic/trace.ts";
import { encodeTrace, openTrace, type Trace } from "../../src/trace/trace.ts";

/** What a test may choose. */
export type StepChoice = Partial<Omit<SyntheticStep, "network" | "sparsities" | "patterns" | "told" | "method">> & {
  readonly method?: FixedMethod;
  readonly settings?: Partial<SyntheticSettings>;
};

/** The bytes of a synthetic step of `network`. */
export function syntheticBytes(network: Network, { settings, ...choice }: StepChoice = {}): Uint8Array {
  const method = choice.method ?? "swat-u";
  const sparsity = choice.sparsity ?? 0.8;
  const weights = fixedSparsities(method, layersOf(network).map(parameterShape), sparsity);
  const { firstLayerDense } = PUBLISHED_EXEMPTIONS[method];
  const sparsities = weights.map((weight, i) => ({ weight, input: firstLayerDense && i === 0 ? 0 : weight }));
  const order = { network, method, sparsity, sparsities, pruning: "unstructured", topKPeriod: 10, batch: 2, seed: 1 };
  const seed = choice.seed ?? 1;
  const patterns = fittedPatterns({
    network,
    method,
    sparsity,
    sparsities,
    trained: 1e4,
    seed,
    settings: settings ?? {},
  });
  const step = { ...order, ...choice, patterns, told: { trained: 1e4 } } as SyntheticStep;
  const { manifest, masks } = synthesize(step);
  return encodeTrace(manifest, masks);
}

/** The same, opened. */
export function syntheticTrace(network: Network, choice: StepChoice = {}): Promise<Trace> {
  return openTrace(memorySource("synthetic", syntheticBytes(network, choice)));
}
