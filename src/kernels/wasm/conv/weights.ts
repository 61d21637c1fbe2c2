/**
 * Packs the weights of a convolution for forward and inputGrad: as lists of nonzeros where enough of them are zero, else as
 * panels for the dense kernel. The work is done by assembly/conv/weights.ts; here are its tables.
 */
import type { ConvGeometry } from "../../../core/geometry.ts";
import { sizeOf, weightShape } from "../../../core/geometry.ts";
import { SCAN_CHANNELS, TILE_CHANNELS } from "../records/gather.ts";
import type { Runner } from "../run/runner.ts";
import type { Gather } from "./gather.ts";

const WORD_BYTES = 4;
const FLOAT_BYTES = 4;

/** Most nonzeros of all weights for which lists are the faster way; measured with bench/conv-simd.ts. */
const SPARSE_DENSITY = 0.55;
/** With fewer filters in a group the dense kernel would fill its tiles with zeros, and lists of everything are faster. */
const MIN_TILE_FILTERS = 3;

/** Most nonzeros for which lists are built. */
export function maxPairs(g: ConvGeometry): number {
  const few = Math.min(g.K, g.C) / g.groups < MIN_TILE_FILTERS;
  return Math.floor((few ? 1 : SPARSE_DENSITY) * sizeOf(weightShape(g)));
}

/** Packs weights into the two directions of a convolution. */
export class WeightPacker {
  #runner: Runner;
  #g: ConvGeometry;
  #forward: Gather;
  #inputGrad: Gather;
  /** Byte offset of each weight of a filter. */
  #offsets: Uint32Array;
  /** Of each weight of the channels scanned together: [place of its list, byte offset]. */
  #slots: Uint32Array;
  #cursors: Uint32Array;

  constructor(runner: Runner, g: ConvGeometry, forward: Gather, inputGrad: Gather) {
    this.#runner = runner;
    this.#g = g;
    this.#forward = forward;
    this.#inputGrad = inputGrad;
    const taps = g.R * g.S;
    const channels = g.C / g.groups;
    const sizes = [channels * taps, SCAN_CHANNELS * taps * 2, inputGrad.listCount];
    const addresses = sizes.map((size) => runner.allocate(size * WORD_BYTES));
    const view = (i: number) => new Uint32Array(runner.memory.buffer, addresses[i], sizes[i]);
    this.#offsets = view(0);
    this.#slots = view(1);
    this.#cursors = view(2);
    const channelBytes = forward.shape.lanes * FLOAT_BYTES;
    forward.onTaps((list) => {
      for (const tap of list) {
        for (let c = 0; c < channels; c++) this.#offsets[c * taps + tap.index] = tap.offset + c * channelBytes;
      }
    });
    inputGrad.onTaps((list) => {
      for (const tap of list) {
        for (let c = 0; c < SCAN_CHANNELS; c++) {
          this.#slots.set([(tap.phase * g.C + c) * WORD_BYTES, tap.offset], (c * taps + tap.index) * 2);
        }
      }
    });
  }

  /** Packs the weights |w| ≥ least of [K, C/groups, R, S] at an address; returns how many are not zero. */
  pack(weight: number, least: number): number {
    const { K } = this.#g;
    this.#runner.run("countFilters", K, weight, least, this.#filterBytes, this.#forward.lists);
    let nonzeros = 0;
    for (let k = 0; k < K; k++) nonzeros += this.#forward.listWords[k];
    const sparse = nonzeros <= maxPairs(this.#g);
    this.#forward.sparse = sparse;
    this.#inputGrad.sparse = sparse;
    if (sparse) {
      this.#listFilters(weight, least);
      this.#listChannels(weight, least);
    } else {
      this.#packPanels(weight, least);
    }
    return nonzeros;
  }

  get #filterBytes(): number {
    return sizeOf(weightShape(this.#g).slice(1)) * FLOAT_BYTES;
  }

  #listFilters(weight: number, least: number): void {
    const { K, C, groups } = this.#g;
    const { lists, storage, shape } = this.#forward;
    const groupBytes = (C / groups) * shape.lanes * FLOAT_BYTES;
    this.#runner.call("placeLists", lists, K, storage);
    const { byteOffset } = this.#offsets;
    this.#runner.run("listFilters", K, weight, least, this.#filterBytes, byteOffset, K / groups, groupBytes, lists);
  }

  #listChannels(weight: number, least: number): void {
    const { K, C, groups, R, S } = this.#g;
    const { lists, listCount, listWords, storage, shape } = this.#inputGrad;
    const channels = C / groups;
    const units = groups * Math.ceil(channels / SCAN_CHANNELS);
    const args = [weight, least, K / groups, channels, R * S, this.#slots.byteOffset];
    listWords.fill(0);
    this.#runner.run("countChannels", units, ...args, lists);
    this.#runner.call("placeLists", lists, listCount, storage);
    this.#cursors.set(listWords.subarray(0, listCount));
    this.#runner.run("listChannels", units, ...args, shape.lanes * FLOAT_BYTES, this.#cursors.byteOffset);
  }

  #packPanels(weight: number, least: number): void {
    const { K, C, groups, R, S } = this.#g;
    const filterBytes = this.#filterBytes;
    const channelBytes = R * S * FLOAT_BYTES;
    const groupBytes = (K / groups) * filterBytes;
    const pack = ({ phases, phaseCount }: Gather, targets: number, sources: number, steps: number[]) => {
      const units = groups * Math.ceil(targets / TILE_CHANNELS);
      this.#runner.run("packPanels", units, weight, least, phases, phaseCount, targets, sources, groupBytes, ...steps);
    };
    pack(this.#forward, K / groups, C / groups, [filterBytes, channelBytes]);
    pack(this.#inputGrad, C / groups, K / groups, [channelBytes, filterBytes]);
  }
}
