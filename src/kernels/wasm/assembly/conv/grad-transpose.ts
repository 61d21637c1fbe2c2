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

/** biasGrad[k] = sum of channel k; lanes beyond the batch are zero. Units: channels. */
export function convBiasGrad(grad: TensorRecord, blocks: usize, biasGrad: usize, from: usize, to: usize): void {
  const channelBytes: usize = grad.lanes * 4;
  const rows: usize = grad.H;
  const columns: usize = grad.W;
  for (let k = from; k < to; k++) {
    let low = f64x2.splat(0);
    let high = f64x2.splat(0);
    for (let block: usize = 0; block < blocks; block++) {
      for (let row: usize = 0; row < rows; row++) {
        let p = grad.origin + block * grad.blockBytes + row * grad.rowBytes + k * channelBytes;
        for (let column: usize = 0; column < columns; column++) {
          for (let lane: usize = 0; lane < channelBytes; lane += 16) {
            const values = v128.load(p + lane);
            low = f64x2.add(low, f64x2.promote_low_f32x4(values));
            high = f64x2.add(high, f64x2.promote_low_f32x4(v128.shuffle<i64>(values, values, 1, 0)));
          }
          p += grad.pixelBytes;
        }
      }
    }
    const sums = f64x2.add(low, high);
    const sum = f64x2.extract_lane(sums, 0) + f64x2.extract_lane(sums, 1);
    store<f32>(biasGrad + k * 4, <f32>sum);
  }
}
