/**
 * The nonzero activations of one plane, dispatched to the processing elements by tile and, in a strided convolution, to a queue
 * for each stride phase: only activations and taps of one phase can meet in an output. Columns are walked first.
 */

import { OUTSIDE, positionCode } from "./banks.ts";
import type { Job, PlaneSource } from "./job.ts";
import type { PeGrid, Tiling } from "./pe-grid.ts";

/** Queue (phase · PEs + pe) holds entries [starts[queue], ends[queue]) of the flat arrays. */
export interface ActivationQueues {
  readonly starts: Int32Array;
  readonly ends: Int32Array;
  /** Position in steps of the stride, and its part of the bank hash. */
  readonly x: Int32Array;
  readonly y: Int32Array;
  readonly code: Int32Array;
  /** Refills the queues from one plane; true when no activation is zero. */
  load(plane: PlaneSource): boolean;
}

/** Queues for the planes of `job`; sorts the positions once, so that loading a plane is one walk over its bits. */
export function activationQueues(job: Job, tiling: Tiling, grid: PeGrid): ActivationQueues {
  const {
    horizontal: hor,
    vertical: ver,
    activations: { bytes },
  } = job;
  const pes = grid.peRows * grid.peColumns;
  const queues = hor.stride * ver.stride * pes;
  const queueOf = (px: number, py: number) => {
    const phase = (px % hor.stride) * ver.stride + (py % ver.stride);
    return phase * pes + Math.floor(px / tiling.width) * grid.peRows + Math.floor(py / tiling.height);
  };
  const eachPosition = (visit: (px: number, py: number, queue: number, inside: boolean) => void) => {
    for (let px = 0; px < hor.extent; px++) {
      for (let py = 0; py < ver.extent; py++) {
        const [x, y] = [px - hor.before, py - ver.before];
        const inside = x >= 0 && x < hor.size && y >= 0 && y < ver.size;
        if (inside || job.paddingAsNonzeros) visit(px, py, queueOf(px, py), inside);
      }
    }
  };
  const starts = new Int32Array(queues + 1);
  eachPosition((_px, _py, queue) => starts[queue + 1]++);
  for (let queue = 0; queue < queues; queue++) starts[queue + 1] += starts[queue];
  const size = starts[queues];
  const [sourceX, sourceY, stepX, stepY] = [0, 1, 2, 3].map(() => new Int32Array(size));
  const fill = starts.slice();
  eachPosition((px, py, queue, inside) => {
    const at = fill[queue]++;
    sourceX[at] = inside ? px - hor.before : OUTSIDE;
    sourceY[at] = inside ? py - ver.before : OUTSIDE;
    stepX[at] = Math.floor(px / hor.stride);
    stepY[at] = Math.floor(py / ver.stride);
  });

  const ends = new Int32Array(queues);
  const [x, y, code] = [0, 1, 2].map(() => new Int32Array(size));
  return {
    starts,
    ends,
    x,
    y,
    code,
    load({ base, row }) {
      let full = true;
      for (let queue = 0; queue < queues; queue++) {
        let to = starts[queue];
        for (let i = starts[queue]; i < starts[queue + 1]; i++) {
          if (sourceX[i] !== OUTSIDE) {
            const bit = base + sourceY[i] * row + sourceX[i];
            if (((bytes[bit >>> 3] >> (bit & 7)) & 1) === 0) continue;
          }
          x[to] = stepX[i];
          y[to] = stepY[i];
          code[to++] = positionCode(stepX[i], stepY[i]);
        }
        ends[queue] = to;
        full &&= to === starts[queue + 1];
      }
      return full;
    },
  };
}
