/**
 * outputGrad as weightGrad reads it: [panel of 16 channels][block][row][column][lane][16], with a halo of zeros that the
 * taps of the kernel reach into. Also its sum, the gradient of the bias.
 */
import { TensorRecord } from "../../records/tensor";
import { PANEL_CHANNELS, PanelsRecord, SUM_BYTES } from "../../records/weight-grad";

/** Units: panels × blocks × rows with the halo. */
export function transposeGrad(grad: TensorRecord, panels: PanelsRecord, from: usize, to: usize): void {
  const lanes: usize = grad.lanes;
  const channels: usize = grad.C;
  const rows: usize = grad.H;
  const columns: usize = grad.W;
  const channelBytes: usize = lanes * 4;
  const panelPixelBytes: usize = lanes * SUM_BYTES;
  const blocks = panels.blocks;
  const top = panels.top;
  const left = panels.left;
  const panelRows = panels.rows;
  const panelColumns = panels.columns;
  for (let unit = from; unit < to; unit++) {
    const row = unit % panelRows;
    const block = (unit / panelRows) % blocks;
    const panel = unit / panelRows / blocks;
    let t = panels.address + ((panel * panels.maxBlocks + block) * panelRows + row) * panelColumns * panelPixelBytes;
    if (row < top || row >= top + rows) {
      memory.fill(t, 0, panelColumns * panelPixelBytes);
      continue;
    }
    memory.fill(t, 0, left * panelPixelBytes);
    t += left * panelPixelBytes;
    const width = min(PANEL_CHANNELS, channels - panel * PANEL_CHANNELS);
    let s = grad.origin + block * grad.blockBytes + (row - top) * grad.rowBytes + panel * PANEL_CHANNELS * channelBytes;
    for (let column: usize = 0; column < columns; column++) {
      for (let lane: usize = 0; lane < lanes; lane += 4) {
        const p = s + lane * 4;
        const q = t + lane * SUM_BYTES;
        for (let k: usize = 0; k < PANEL_CHANNELS; k += 4) {
          if (k + 4 <= width) {
            const r = p + k * channelBytes;
            transpose4(
              v128.load(r),
              v128.load(r + channelBytes),
              v128.load(r + 2 * channelBytes),
              v128.load(r + 3 * channelBytes),
              q + k * 4,
              SUM_BYTES,
            );
          } else {
            transpose4(
              row4(p, k, width, channelBytes),
              row4(p, k + 1, width, channelBytes),
              row4(p, k + 2, width, channelBytes),
              row4(p, k + 3, width, channelBytes),
              q + k * 4,
              SUM_BYTES,
            );
          }
        }
      }
      s += grad.pixelBytes;
      t += panelPixelBytes;
    }
    memory.fill(t, 0, (panelColumns - left - columns) * panelPixelBytes);
  }
}

/** Four floats of row k, or zeros beyond the last. */
// @inline
function row4(p: usize, k: usize, rows: usize, rowBytes: usize): v128 {
  return k < rows ? v128.load(p + k * rowBytes) : f32x4.splat(0);
}

/** Stores the columns of four rows of four, `step` bytes apart. */
// @inline
export function transpose4(a: v128, b: v128, c: v128, d: v128, target: usize, step: usize): void {
  const ab = v128.shuffle<f32>(a, b, 0, 4, 1, 5);
  const cd = v128.shuffle<f32>(c, d, 0, 4, 1, 5);
  const abHigh = v128.shuffle<f32>(a, b, 2, 6, 3, 7);
  const cdHigh = v128.shuffle<f32>(c, d, 2, 6, 3, 7);
  v128.store(target, v128.shuffle<f32>(ab, cd, 0, 1, 4, 5));
  v128.store(target + step, v128.shuffle<f32>(ab, cd, 2, 3, 6, 7));
  v128.store(target + 2 * step, v128.shuffle<f32>(abHigh, cdHigh, 0, 1, 4, 5));
  v128.store(target + 3 * step, v128.shuffle<f32>(abHigh, cdHigh, 2, 3, 6, 7));
}

/** Channels whose sums are taken together. */
const TOGETHER: usize = 4;

/** biasGrad[k] = sum of channel k; lanes beyond the batch are zero. Units: `TOGETHER` channels. */
export function convBiasGrad(grad: TensorRecord, blocks: usize, biasGrad: usize, from: usize, to: usize): void {
  const channels: usize = grad.C;
  const channelBytes: usize = grad.lanes * 4;
  for (let unit = from; unit < to; unit++) {
    const first = unit * TOGETHER;
    const rest = channels - first;
    // What is missing of the last ones is summed twice.
    const b: usize = rest > 1 ? channelBytes : 0;
    const c: usize = rest > 2 ? 2 * channelBytes : 0;
    const d: usize = rest > 3 ? 3 * channelBytes : 0;
    sumChannels(grad, blocks, first * channelBytes, b, c, d, biasGrad + first * 4);
  }
}

/** Sums of the channel at `offset` of a pixel and of those b, c and d bytes behind it. */
function sumChannels(
  grad: TensorRecord,
  blocks: usize,
  offset: usize,
  b: usize,
  c: usize,
  d: usize,
  biasGrad: usize,
): void {
  const channelBytes: usize = grad.lanes * 4;
  const rows: usize = grad.H;
  const columns: usize = grad.W;
  const pixelBytes = grad.pixelBytes;
  let aLow = f64x2.splat(0);
  let aHigh = f64x2.splat(0);
  let bLow = f64x2.splat(0);
  let bHigh = f64x2.splat(0);
  let cLow = f64x2.splat(0);
  let cHigh = f64x2.splat(0);
  let dLow = f64x2.splat(0);
  let dHigh = f64x2.splat(0);
  for (let block: usize = 0; block < blocks; block++) {
    for (let row: usize = 0; row < rows; row++) {
      let p = grad.origin + block * grad.blockBytes + row * grad.rowBytes + offset;
      for (let column: usize = 0; column < columns; column++) {
        const end = p + channelBytes;
        for (let q = p; q < end; q += 16) {
          let values = v128.load(q);
          aLow = f64x2.add(aLow, f64x2.promote_low_f32x4(values));
          aHigh = f64x2.add(aHigh, f64x2.promote_low_f32x4(i64x2.shuffle(values, values, 1, 0)));
          values = v128.load(q + b);
          bLow = f64x2.add(bLow, f64x2.promote_low_f32x4(values));
          bHigh = f64x2.add(bHigh, f64x2.promote_low_f32x4(i64x2.shuffle(values, values, 1, 0)));
          values = v128.load(q + c);
          cLow = f64x2.add(cLow, f64x2.promote_low_f32x4(values));
          cHigh = f64x2.add(cHigh, f64x2.promote_low_f32x4(i64x2.shuffle(values, values, 1, 0)));
          values = v128.load(q + d);
          dLow = f64x2.add(dLow, f64x2.promote_low_f32x4(values));
          dHigh = f64x2.add(dHigh, f64x2.promote_low_f32x4(i64x2.shuffle(values, values, 1, 0)));
        }
        p += pixelBytes;
      }
    }
  }
  store<f32>(biasGrad, total(aLow, aHigh));
  if (b) store<f32>(biasGrad, total(bLow, bHigh), 4);
  if (c) store<f32>(biasGrad, total(cLow, cHigh), 8);
  if (d) store<f32>(biasGrad, total(dLow, dHigh), 12);
}

// @inline
function total(low: v128, high: v128): f32 {
  const sums = f64x2.add(low, high);
  return <f32>(f64x2.extract_lane(sums, 0) + f64x2.extract_lane(sums, 1));
}
