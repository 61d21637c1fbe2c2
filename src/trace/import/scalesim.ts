/**
 * Topologies of SCALE-Sim v3 (Samajdar et al., ISPASS 2020; Raj et al. 2025) as traces of forward passes. A line is a convolution
 *
 *     name, input height, input width, kernel height, kernel width, channels, filters, stride[, N:M],
 *
 * or a matrix product [M, K] · [K, N], an M × 1 image with K channels and N filters:
 *
 *     name, M, N, K[, N:M],
 *
 * As in SCALE-Sim, the first line is a header, images come with their padding, output sizes are rounded up, and a layer with
 * `DP` in its name is depth-wise. N:M keeps N of every M weights along the reduction, in the order kernel row, column, channel.
 * `scalesim-columns.ts` and `scalesim-lines.ts` read what else stands in such files.
 */

import { type BitMask, setBit, zerosMask } from "../../core/bit-mask.ts";
import { type ConvGeometry, inputShape, sizeOf, weightShape } from "../../core/geometry.ts";
import { MOST_STRUCTURED_WEIGHTS } from "../../core/input/limits.ts";
import { type RandomStream, randomStream } from "../../core/random.ts";
import { InputError, refusing } from "../../io/faults.ts";
import { ImportBuilder, type ImportedTrace } from "./imported.ts";
import { readTopology } from "./scalesim-lines.ts";

/** How a topology is read. */
export interface TopologyOptions {
  /** Images of every layer; without it those of the batch column, or one. */
  readonly batch?: number;
  /** Draws the N of every M weights; without it they are the first of each M, as SCALE-Sim's. */
  readonly seed?: number;
  /** Name of the network. */
  readonly network: string;
}

/** Reads a topology. @throws InputError, one line a fault, each beginning with `where` and the line. */
export function importScalesim(text: string, where: string, options: TopologyOptions): ImportedTrace {
  return refusing(where, () => imported(text, where, options));
}

function imported(text: string, where: string, { batch, seed, network }: TopologyOptions): ImportedTrace {
  const builder = new ImportBuilder(where);
  const { lines, notes } = readTopology(text, where, batch);
  for (const note of notes) builder.note(note);
  const names = distinctNames(lines.map(({ name }) => name));
  let masked = 0;
  for (const [i, { geometry, kept, block }] of lines.entries()) {
    const name = names[i];
    const stream = seed === undefined ? undefined : randomStream(seed, "scalesim", i);
    const input = builder.tensor(`${name}:input`, "activation", inputShape(geometry));
    const weights = sizeOf(weightShape(geometry));
    if (kept < block) masked += weights;
    if (masked > MOST_STRUCTURED_WEIGHTS) {
      const limits = `got ${masked} with those of the layers before; valid: at most ${MOST_STRUCTURED_WEIGHTS}`;
      throw new InputError([`${where}: layer "${name}": has too many weights for a mask, ${limits}`]);
    }
    const content = kept === block ? weightShape(geometry) : structuredMask(geometry, kept, block, stream);
    const weight = builder.tensor(`${name}:weight`, "weight", content);
    builder.layer("conv", name, geometry, [{ pass: "forward", operands: { input, weight } }]);
  }
  return builder.finish(network, "imported", seed);
}

/** Names as they are; the second layer of a name gets `#2`, and so on. */
function distinctNames(names: readonly string[]): string[] {
  const taken = new Set(names);
  const uses = new Map<string, number>();
  return names.map((name) => {
    let use = (uses.get(name) ?? 0) + 1;
    if (use > 1) while (taken.has(`${name}#${use}`)) use++;
    uses.set(name, use);
    const distinct = use === 1 ? name : `${name}#${use}`;
    taken.add(distinct);
    return distinct;
  });
}

/** `kept` of every `block` weights of a filter: the first ones, or drawn. What is left at the end keeps as many, if it has them. */
function structuredMask(geometry: ConvGeometry, kept: number, block: number, stream?: RandomStream): BitMask {
  const shape = weightShape(geometry);
  const [K, C, R, S] = shape;
  const mask = zerosMask(shape);
  const reduction = C * R * S;
  const places = Array.from({ length: Math.min(block, reduction) }, (_, i) => i);
  for (let k = 0; k < K; k++) {
    for (let start = 0; start < reduction; start += block) {
      const length = Math.min(block, reduction - start);
      const chosen = stream === undefined ? places.slice(0, kept) : drawn(stream, length, kept);
      for (const place of chosen) {
        const element = start + place;
        // Reduction order has channels innermost, masks have them outermost.
        if (place < length) setBit(mask, k, (element % C) * R * S + Math.floor(element / C));
      }
    }
  }
  return mask;
}

/** `count` different places of `length`, or all: the start of a Fisher–Yates shuffle. */
function drawn(stream: RandomStream, length: number, count: number): number[] {
  const places = Array.from({ length }, (_, i) => i);
  for (let i = 0; i < Math.min(count, length - 1); i++) {
    const j = i + stream.int(length - i);
    [places[i], places[j]] = [places[j], places[i]];
  }
  return places.slice(0, count);
}
