/**
 * A method of sparse training that two masks of weights describe, layer by layer: the *active* weights A, which forward and
 * input gradient compute with (the others count as 0), and the *wanted* elements B of the weight gradient (the others are not
 * needed, and read as 0). Inputs and output gradients are never selected, which is what distinguishes these methods from SWAT.
 *
 * A method is one file beside this one and a line in index.ts, or a module of the user's own. The trainer does the rest:
 *
 *     step t   keep:    passes with A, gradient of B, optimizer
 *              select:  `select` of every layer, then the same
 *              regrow:  passes with A, the whole gradient, `regrow` of every layer; no optimizer, of no parameter
 */
import type { ObjectSchema } from "../../core/input/schema.ts";
import type { RandomStream } from "../../core/random.ts";
import type { Floats } from "../../kernels/kernels.ts";
import type { Exemptions } from "../uniform.ts";
import type { Transposable } from "./transposable.ts";

/** The weights of a layer with their gradient and momentum, by flat index. A method may change all three in place. */
export interface Weights {
  readonly values: Floats;
  readonly grad: Floats;
  readonly momentum: Floats;
}

/** A convolution or linear layer. */
export interface MaskedLayer {
  readonly name: string;
  /** [K, C/groups, R, S] of its weights, or [K, C]. */
  readonly shape: readonly number[];
  readonly groups: number;
  /** Whether the settings keep it dense. */
  readonly isExempt: boolean;
}

/** What a run says to its method. */
export interface MaskSettings {
  /** Share of the weights that are not active, 0 ≤ s < 1. */
  readonly sparsity: number;
  /** As the user wrote it, e.g. "2:4". */
  readonly pruning: string;
  /** Of the method, checked by its schema. */
  readonly options: Readonly<Record<string, unknown>>;
  /** Of the whole run. */
  readonly steps: number;
  /** The stream of random numbers of a purpose, by the seed of the run and an index. */
  readonly random: (purpose: string, index: number) => RandomStream;
}

/** How the weights of an n:m mask lie, for machines that skip such. */
export interface MaskPattern {
  readonly n: number;
  readonly m: number;
  readonly axis: "inputChannels";
  readonly transposable: Transposable;
}

/** The masks of one layer. Masks hold a 0 or 1 for each weight; the trainer reads them anew in every step. */
export interface LayerMasks {
  /** Share of the weights that are not active. */
  readonly sparsity: number;
  readonly pattern?: MaskPattern;
  readonly active: Uint8Array;
  /** Null where every gradient is wanted. */
  readonly wanted: Uint8Array | null;
  /** What later steps depend on and nothing else records; a resumed run finds it as it was. */
  readonly state: Readonly<Record<string, Uint8Array | Float32Array>>;
  /** Called once, when the weights have been drawn. */
  begin?(weights: Weights): void;
  /** Chooses masks before the passes of a step; the gradient is still that of the step before. */
  select?(weights: Weights): void;
  /** Chooses masks in place of the optimizer, from the whole gradient of the step. */
  regrow?(weights: Weights, step: number): MaskChange;
  /** Adds to the wanted gradients what the optimizer needs besides, in place of `weightDecay · w`. */
  penalize?(weights: Weights, weightDecay: number): void;
  /** The mask with which weights of these values are evaluated; `active` where not given. */
  activeOf?(values: Floats): Uint8Array;
}

/** How many connections a `regrow` gave up, and how many it made active that were not. */
export interface MaskChange {
  readonly dropped: number;
  readonly grown: number;
}

/** What a step does besides its passes. */
export type MaskStep = "keep" | "select" | "regrow";

/** A method. */
export interface MaskMethod {
  readonly name: string;
  /** JSON Schema of an object whose fields all have a default or may be absent. */
  readonly options: ObjectSchema;
  /** Which layers stay dense where the settings do not say. */
  exemptions(options: MaskSettings["options"]): Exemptions;
  /** The sparsity that follows from other settings; where not given, it is a setting. */
  sparsityOf?(settings: Pick<MaskSettings, "pruning">): number;
  /** How weights are pruned where the settings do not say; "unstructured" where not given. */
  readonly pruning?: string;
  /** Everything wrong with the settings that the schema does not see, one line each, beginning with the field (`methodOptions: key` for an option). */
  faults?(settings: Pick<MaskSettings, "sparsity" | "pruning" | "options">): readonly string[];
  /** What step `step` does, from 0 over the whole run. */
  stepKind(step: number, settings: Pick<MaskSettings, "options" | "steps">): MaskStep;
  /** The masks of each layer, in execution order; null = dense, as every exempt layer must be. */
  masksOf(layers: readonly MaskedLayer[], settings: MaskSettings): readonly (LayerMasks | null)[];
}
