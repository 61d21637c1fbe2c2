/** Where the pixels of a chunk of a weight gradient lie. */
import { PAIR_BYTES, PhaseRecord, WeightGradRecord } from "../../records/weight-grad";

/** Pixels of a chunk as pairs [bytes from the source, bytes into a panel]. */
export function findPixels(job: WeightGradRecord, phase: PhaseRecord, pixel: usize, count: usize, pixels: usize): void {
  const columns = phase.columns;
  const rows = phase.rows;
  let column = pixel % columns;
  let row = (pixel / columns) % rows;
  let block = pixel / columns / rows;
  const end = pixels + count * PAIR_BYTES;
  for (; pixels < end; pixels += PAIR_BYTES) {
    store<usize>(pixels, block * job.sourceBlock + phase.source + row * phase.sourceRow + column * phase.sourceColumn);
    store<usize>(pixels, block * job.gradBlock + phase.grad + row * job.gradRow + column * job.gradColumn, 4);
    if (++column === columns) {
      column = 0;
      if (++row === rows) {
        row = 0;
        block++;
      }
    }
  }
}
