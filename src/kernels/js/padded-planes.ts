/**
 * Flat zero-padded copies of feature maps, so that a convolution over a whole image is one long loop over neighbours:
 * position (p, q) lies at p·pitch + q, and the garbage between the rows is computed and dropped.
 *
 * Stride v × u splits the padded map into v·u phase planes: phase (i, j) holds rows i, i + v, … and columns j, j + u, ….
 * A tap then reads neighbours of one plane whatever the stride. Layout: [channel][phase][image of the block][row][column].
 *
 * Without stride the padding is shared: what follows a row's end are the zeros before the next row (and plane), which are
 * enough because only min(before, after) positions overrun. The end of the buffer gets its own zeros.
 */
import type { Floats } from "../kernels.ts";
import { TILE } from "./taps.ts";

/** A padded copy's layout: image size, zeros before and after it, stride of the phases, and what follows from them. */
export interface PaddedPlanes {
  readonly height: number;
  readonly width: number;
  /** Zeros above and left of the image. */
  readonly top: number;
  readonly left: number;
  readonly rowStride: number;
  readonly columnStride: number;
  /** Columns of a phase plane. */
  readonly pitch: number;
  /** Elements of a phase plane. */
  readonly plane: number;
  /** Zeros that must follow the last plane. */
  readonly tail: number;
}

/** Lays out `height` × `width` with `padding` [top, bottom, left, right] and `stride` [vertical, horizontal]. */
export function layOut(
  height: number,
  width: number,
  padding: readonly [number, number, number, number],
  stride: readonly [number, number],
): PaddedPlanes {
  const [top, bottom, left, right] = padding;
  const rows = sharedExtent(height, top, bottom, stride[0]);
  const pitch = sharedExtent(width, left, right, stride[1]);
  const tail = (bottom + 1) * pitch + right + TILE;
  return {
    height,
    width,
    top,
    left,
    rowStride: stride[0],
    columnStride: stride[1],
    pitch,
    plane: rows * pitch,
    tail,
  };
}

function sharedExtent(size: number, before: number, after: number, stride: number): number {
  return stride === 1 ? size + Math.max(before, after) : Math.ceil((size + before + after) / stride);
}

/** Images to copy side by side so that the inner loop is long enough: one, unless `length` (of one image) is short. */
export function imagesPerBlock(images: number, length: number, plane: number): number {
  const longEnough = 48;
  const wanted = 256;
  return length >= longEnough ? 1 : Math.min(images, Math.ceil(wanted / plane));
}

/**
 * Copies `channels` maps of `images` images from `source` [.., allChannels, height, width], the first element at
 * `from`, into `target`. `block` is the number of images that the layout has room for.
 */
export function copyPadded(
  layout: PaddedPlanes,
  source: Floats,
  from: number,
  channels: number,
  allChannels: number,
  images: number,
  block: number,
  target: Float64Array,
): void {
  const { height, width, top, left, rowStride, columnStride, pitch, plane } = layout;
  const phases = rowStride * columnStride;
  target.fill(0, 0, channels * phases * block * plane + layout.tail);
  for (let c = 0; c < channels; c++) {
    for (let image = 0; image < images; image++) {
      for (let h = 0; h < height; h++) {
        const row = h + top;
        const phaseRow = row % rowStride;
        const inPlane = ((row - phaseRow) / rowStride) * pitch;
        const start = from + ((image * allChannels + c) * height + h) * width;
        for (let phaseColumn = 0; phaseColumn < columnStride; phaseColumn++) {
          const firstColumn = Math.max(0, Math.ceil((left - phaseColumn) / columnStride));
          const phase = c * phases + phaseRow * columnStride + phaseColumn;
          let to = (phase * block + image) * plane + inPlane + firstColumn;
          for (let w = firstColumn * columnStride + phaseColumn - left; w < width; w += columnStride) {
            target[to++] = source[start + w];
          }
        }
      }
    }
  }
}
