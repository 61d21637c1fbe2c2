/** What every importer makes: a manifest and its masks, put together tensor by tensor and op by op. */
import { type BitMask, countOnes } from "../../core/bit-mask.ts";
import { type ConvGeometry, inputShape, outputShape, sizeOf, weightShape } from "../../core/geometry.ts";
import { InputError } from "../../core/input/input-error.ts";
import { MOST_OPS } from "../../core/input/limits.ts";
import { geometryFaults } from "../geometry-faults.ts";
import {
  type MacOp,
  type Multiplication,
  macOp,
  type TensorRole,
  TRACE_VERSION,
  type TraceManifest,
  type TraceTensor,
} from "../manifest.ts";

/** A trace that is not yet a file; `encodeTrace` makes it one. */
export interface ImportedTrace {
  readonly manifest: TraceManifest;
  readonly masks: ReadonlyMap<string, BitMask>;
  /** How the source was understood where it can be read in two ways, a line each. */
  readonly notes: readonly string[];
}

/** Collects the layers of an import in order of execution: all forward passes, then the backward ones from last to first. */
export class ImportBuilder {
  readonly #where: string;
  readonly #tensors = new Map<string, TraceTensor>();
  readonly #masks = new Map<string, BitMask>();
  readonly #forward: MacOp[] = [];
  readonly #backward: MacOp[][] = [];
  readonly #notes: string[] = [];
  #ops = 0;

  /** @param where the source, for messages. */
  constructor(where: string) {
    this.#where = where;
  }

  /** Keeps a line for the user. */
  note(line: string): void {
    this.#notes.push(line);
  }

  /** Adds a tensor with a mask, or a dense one of a shape, and returns its id. */
  tensor(id: string, role: TensorRole, content: BitMask | readonly number[]): string {
    const mask = "bytes" in content ? content : undefined;
    const shape = [...(mask?.shape ?? (content as readonly number[]))];
    const nonzeros = mask === undefined ? sizeOf(shape) : countOnes(mask);
    if (!Number.isSafeInteger(nonzeros)) {
      throw new InputError([`${this.#where}: tensor "${id}" is too large to count, got shape [${shape}]`]);
    }
    const dense = nonzeros === sizeOf(shape);
    const name = `${id}.mask`;
    if (mask !== undefined && !dense) this.#masks.set(name, mask);
    this.#tensors.set(id, { id, role, shape, nonzeros, ...(dense ? {} : { mask: name }) });
    return id;
  }

  /** Adds the passes of a layer between tensors that were added; results are dense tensors of their own. @throws InputError */
  layer(kind: MacOp["kind"], layer: string, geometry: ConvGeometry, multiplications: readonly Multiplication[]): void {
    this.#ops += multiplications.length;
    if (this.#ops > MOST_OPS) {
      throw new InputError([`${this.#where}: has too many ops, got over ${MOST_OPS}; valid: at most ${MOST_OPS}`]);
    }
    const result = {
      forward: () => this.tensor(`${layer}:output`, "activation", outputShape(geometry)),
      inputGrad: () => this.tensor(`${layer}:inputGrad`, "gradient", inputShape(geometry)),
      weightGrad: () => this.tensor(`${layer}.weight:grad`, "parameterGrad", weightShape(geometry)),
    };
    const ops = multiplications.map((multiplication) =>
      macOp(kind, layer, structuredClone(geometry) as MacOp["geometry"], multiplication, result[multiplication.pass]()),
    );
    this.#forward.push(...ops.filter(({ pass }) => pass === "forward"));
    this.#backward.push(ops.filter(({ pass }) => pass !== "forward"));
    const tensor = (id: string) => this.#tensors.get(id) as TraceTensor;
    const faults = new Set(ops.flatMap((op) => geometryFaults(op, tensor)));
    if (faults.size > 0) throw new InputError([...faults].map((fault) => `${this.#where}: layer "${layer}": ${fault}`));
  }

  /** The trace of one step, number 0. */
  finish(network: string, method: string, seed?: number): ImportedTrace {
    const manifest: TraceManifest = {
      version: TRACE_VERSION,
      producer: "swat-sim trace import",
      network,
      method: { name: method },
      ...(seed === undefined ? {} : { seed }),
      step: 0,
      tensors: [...this.#tensors.values()],
      ops: [...this.#forward, ...this.#backward.toReversed().flat()],
    };
    return { manifest, masks: this.#masks, notes: this.#notes };
  }
}
