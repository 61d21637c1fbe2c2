/**
 * A literal model of the original TensorDash simulator, its bugs included, one slot at a time: it makes golden cases of kinds
 * that the stored ones do not have. Dimension 2 is x, dimension 3 is y. Written from the rules of the original as the golden
 * cases pin them, without any of our simulator's code.
 */

/** [channel][x][y]. */
type Volume = readonly (readonly (readonly boolean[])[])[];
type Line = boolean[];

/** The layer of a case, in the original's words. */
export interface LiteralLayer {
  readonly type: "conv" | "fc";
  readonly C: number;
  readonly K: number;
  readonly Kx: number;
  readonly Ky: number;
  readonly Nx: number;
  readonly Ny: number;
  readonly stride: number;
  readonly padding: number;
}

/** The array, with its search map. */
export interface LiteralMachine {
  readonly lanes: number;
  readonly rows: number;
  readonly columns: number;
  readonly lookahead: number;
  readonly lookaside: number;
  readonly banks: number;
}

/** The counts of one pass. */
export interface LiteralStats {
  compute_cycles: number;
  base_compute_cycles: number;
  ideal_compute_cycles: number;
  scheduled_pe: number;
  bank_reads: number;
  bank_writes: number;
  read_bank_conflicts: number;
}

type Pad = readonly [left: number, right: number, top: number, bottom: number];

const noStats = (): LiteralStats => ({
  ...{ compute_cycles: 0, base_compute_cycles: 0, ideal_compute_cycles: 0, scheduled_pe: 0 },
  ...{ bank_reads: 0, bank_writes: 0, read_bank_conflicts: 0 },
});
const range = (count: number) => Array.from({ length: Math.max(0, count) }, (_, i) => i);
const zeroShare = (volumes: readonly Volume[]) => {
  const flat = volumes.flat(3);
  return flat.filter((value) => !value).length / flat.length;
};

function padded(volume: Volume, [left, right, top, bottom]: Pad): Volume {
  return volume.map((plane) =>
    range(plane.length + left + right).map((x) =>
      range(plane[0].length + top + bottom).map((y) => plane[x - left]?.[y - top] ?? false),
    ),
  );
}

/** How the original pads: of the input, and of outputGrad. */
function pads(layer: LiteralLayer): { input: Pad; grad: Pad; asymmetric: boolean } {
  const { type, Kx, Ky, Nx, stride, padding: p } = layer;
  const Ox = outputSizes(layer)[0];
  if (type === "fc" || p === 0) {
    const each = Ox - Kx + 1 === Nx ? 0 : Math.floor((Kx - 1) / stride);
    return { input: [0, 0, 0, 0], grad: [each, each, each, each], asymmetric: false };
  }
  if (Kx < Ky) return { input: [0, 0, p, p], grad: [0, 0, p, p], asymmetric: false };
  if (Ky < Kx) return { input: [p, p, 0, 0], grad: [p, p, 0, 0], asymmetric: false };
  if ((Nx - Kx + 2 * p) / stride + 1 === Ox) {
    return { input: [p, p, p, p], grad: [p, p, p, p], asymmetric: false };
  }
  return { input: [p, p - 1, p, p - 1], grad: [p - 1, p, p - 1, p], asymmetric: true };
}

/** [Ox, Oy]. */
export function outputSizes({ type, Kx, Ky, Nx, Ny, stride, padding: p }: LiteralLayer): readonly [number, number] {
  const size = (extent: number, kernel: number) => Math.floor((extent - kernel) / stride) + 1;
  const [px, py] = type === "fc" ? [0, 0] : [Kx < Ky ? 0 : p, Ky < Kx ? 0 : p];
  return [size(Nx + 2 * px, Kx), size(Ny + 2 * py, Ky)];
}

/** Offsets [time, lane] of shape T, by time and then lane. */
function searchMap({ lookahead, lookaside }: LiteralMachine): (readonly [number, number])[] {
  const offsets: [number, number][] = range(lookahead).map((h) => [h + 1, 0]);
  let [h, d] = [1, 1];
  for (let emitted = 0; emitted < lookaside; emitted++) {
    offsets.push([h, emitted % 2 === 0 ? d : -d]);
    if (emitted % 2 === 0) continue;
    d++;
    h = h === lookahead ? 1 : h + 1;
  }
  return offsets.sort(([h1, d1], [h2, d2]) => h1 - h2 || d1 - d2);
}

function laneOrder({ lanes, lookaside }: LiteralMachine): number[] {
  const order: number[] = [];
  while (order.length < lanes) {
    const first = range(lanes).find((lane) => !order.includes(lane)) as number;
    for (let lane = first; lane < Math.min(lanes, lanes - lookaside + first); lane += lookaside) order.push(lane);
  }
  return order;
}

/** Moves nonzeros forward in time, in place: `lines` of groups of lanes. */
function schedule(lines: Line[], m: LiteralMachine): void {
  const map = searchMap(m);
  const order = laneOrder(m);
  let skip = 0;
  lines.forEach((line, t) => {
    if (skip < m.lookahead && !line.includes(true)) {
      skip++;
      return;
    }
    skip = 0;
    for (let first = 0; first < line.length; first += m.lanes) {
      for (const lane of order.filter((each) => !line[first + each])) {
        for (const [dt, dl] of map) {
          const from = first + ((lane + dl + m.lanes) % m.lanes);
          if (lines[t + dt]?.[from] !== true) continue;
          lines[t + dt][from] = false;
          line[first + lane] = true;
          break;
        }
      }
    }
  });
}

/** Walks scheduled lines from a skip counter; returns the cycles and the counter. */
function walk(lines: readonly Line[], skip: number, lookahead: number): readonly [cycles: number, skip: number] {
  let cycles = 0;
  for (const line of lines) {
    if (skip < lookahead && !line.includes(true)) skip++;
    else {
      skip = 0;
      cycles++;
    }
  }
  return [cycles, skip];
}

/** A buffer of `groups` groups of lanes; each stream is the list of its lines. */
function bufferOf(streams: readonly (readonly Line[])[], groups: number, lanes: number): Line[] {
  const lines = range(streams[0]?.length ?? 0).map(() => new Array<boolean>(groups * lanes).fill(false));
  streams.forEach((stream, group) => {
    stream.forEach((line, t) => {
      line.forEach((value, lane) => {
        lines[t][group * lanes + lane] = value;
      });
    });
  });
  return lines;
}

/** Lines of one channel-first stream: taps, then blocks of channels. */
function channelLines(volume: Volume, taps: readonly (readonly [number, number])[], at: [number, number], L: number) {
  return taps.flatMap(([x, y]) =>
    range(Math.ceil(volume.length / L)).map(
      (block): Line => volume.slice(block * L, (block + 1) * L).map((plane) => plane[at[0] + x][at[1] + y]),
    ),
  );
}

const idealOf = (streams: readonly (readonly Line[])[], lanes: number) =>
  Math.max(0, ...streams.map((stream) => Math.ceil(stream.flat().filter(Boolean).length / lanes)));

interface ChannelFirst {
  readonly input: Volume;
  readonly filters: readonly Volume[];
  /** Kernel positions of the filters, and the positions within a window that they meet. */
  readonly kernelTaps: readonly (readonly [number, number])[];
  readonly windowTaps: readonly (readonly [number, number])[];
  readonly windows: readonly [number, number];
  readonly start: readonly [number, number];
  readonly stride: number;
  readonly bank: (x: number, y: number) => number;
  readonly byInput: boolean;
  readonly schedulesWeights: boolean;
}

function channelFirst(one: ChannelFirst, m: LiteralMachine, stats: LiteralStats): void {
  const { lanes, rows, columns, lookahead } = m;
  const [filterSet, windowSet] = one.byInput ? [columns, rows] : [rows, columns];
  const filterStreams = one.filters.map((filter) => channelLines(filter, one.kernelTaps, [0, 0], lanes));
  const sets = range(Math.ceil(one.filters.length / filterSet)).map((set) =>
    filterStreams.slice(set * filterSet, (set + 1) * filterSet),
  );
  const weightBuffers = sets.map((streams) => bufferOf(streams, filterSet, lanes));
  if (!one.byInput && one.schedulesWeights) for (const buffer of weightBuffers) schedule(buffer, m);
  const positions = range(one.windows[1]).flatMap((y) => range(one.windows[0]).map((x) => [x, y] as const));
  let skip = 0;
  for (let first = 0; first < positions.length; first += windowSet) {
    const set = positions
      .slice(first, first + windowSet)
      .map(([x, y]): [number, number] => [x * one.stride + one.start[0], y * one.stride + one.start[1]]);
    const streams = set.map((at) => channelLines(one.input, one.windowTaps, at, lanes));
    const buffer = bufferOf(streams, set.length, lanes);
    if (one.byInput) schedule(buffer, m);
    const blocks = Math.ceil(one.input.length / lanes);
    const conflicts = one.windowTaps.reduce(
      (sum, [x, y]) => sum + blocks * (mostAlike(set.map((at) => one.bank(at[0] + x, at[1] + y))) - 1),
      0,
    );
    sets.forEach((filters, i) => {
      const [cycles, next] = walk(one.byInput ? buffer : weightBuffers[i], skip, lookahead);
      skip = next;
      stats.compute_cycles += cycles;
      stats.base_compute_cycles += buffer.length;
      if (one.byInput || one.schedulesWeights) {
        stats.ideal_compute_cycles += idealOf(one.byInput ? streams : filters, lanes);
      }
      stats.scheduled_pe += cycles * filters.length * set.length;
      stats.bank_writes += Math.ceil((set.length * filterSet) / 16);
      stats.bank_reads += set.length * buffer.length;
      stats.read_bank_conflicts += conflicts;
    });
  }
}

const mostAlike = (banks: readonly number[]) =>
  Math.max(0, ...banks.map((bank) => banks.filter((other) => other === bank).length));

const rowMajor = (width: number, height: number) =>
  range(height).flatMap((y) => range(width).map((x) => [x, y] as const));

/** Banks of the padded input. */
function inputBanks(X: number, Y: number, Ox: number, stride: number, banks: number) {
  return banksOf(X, Y, banks, (y) => y % stride === 0, Ox * stride - 1);
}

function banksOf(X: number, Y: number, banks: number, restarts: (y: number) => boolean, savedAt: number) {
  const map = range(X).map(() => new Array<number>(Y));
  let [bank, saved] = [0, 0];
  for (let y = 0; y < Y; y++) {
    for (let x = 0; x < X; x++) {
      if (x === 0 && restarts(y)) bank = saved;
      map[x][y] = bank;
      bank = (bank + 1) % banks;
      if (restarts(y) && x === savedAt) saved = bank;
    }
  }
  return (x: number, y: number) => map[x][y];
}

/** Forward pass of one image. */
export function literalForward(layer: LiteralLayer, weight: Volume[], input: Volume, m: LiteralMachine): LiteralStats {
  const image = padded(input, pads(layer).input);
  const [Ox, Oy] = outputSizes(layer);
  const taps = rowMajor(layer.Kx, layer.Ky);
  const stats = noStats();
  channelFirst(
    {
      ...{ input: image, filters: weight, kernelTaps: taps, windowTaps: taps, windows: [Ox, Oy], start: [0, 0] },
      ...{ stride: layer.stride, byInput: zeroShare([image]) > zeroShare(weight), schedulesWeights: true },
      bank: inputBanks(image[0].length, image[0][0].length, Ox, layer.stride, m.banks),
    },
    m,
    stats,
  );
  return stats;
}

/** Input gradient of one image. */
export function literalInputGrad(
  layer: LiteralLayer,
  weight: Volume[],
  outputGrad: Volume,
  m: LiteralMachine,
): LiteralStats {
  const { Kx, Ky, Nx, Ny, C, stride } = layer;
  const { grad: pad, asymmetric } = pads(layer);
  const grad = padded(outputGrad, pad);
  const [X, Y] = [grad[0].length, grad[0][0].length];
  // [C][K][x][y], rotated by 180 degrees.
  const filters = range(C).map((c): Volume => weight.map((w) => [...w[c]].reverse().map((row) => [...row].reverse())));
  const bank = banksOf(X, Y, m.banks, () => true, Math.floor(Nx / stride) - 1);
  const byInput = zeroShare([grad]) > zeroShare(weight);
  const stats = noStats();
  if (stride === 1) {
    const taps = rowMajor(Kx, Ky);
    const shared = { input: grad, filters, kernelTaps: taps, windowTaps: taps, stride: 1, bank, byInput } as const;
    channelFirst({ ...shared, windows: [Nx, Ny], start: [0, 0], schedulesWeights: true }, m, stats);
    return stats;
  }
  for (let py = 0; py < Math.min(stride, Ky); py++) {
    for (let px = 0; px < Math.min(stride, Kx); px++) {
      const [nx, ny] = [Math.ceil((Kx - px) / stride), Math.ceil((Ky - py) / stride)];
      const windowTaps = rowMajor(nx, ny);
      const kernelTaps = windowTaps.map(([x, y]) => [px + x * stride, py + y * stride] as const);
      const [startX, startY] = asymmetric ? [0, 0] : [px, py];
      const windows = [X - nx - px - startX + 1, Y - ny - py - startY + 1] as const;
      const shared = { input: grad, filters, kernelTaps, windowTaps, windows, stride: 1, bank, byInput } as const;
      if (windows[0] <= 0 || windows[1] <= 0) continue;
      channelFirst({ ...shared, start: [startX, startY], schedulesWeights: false }, m, stats);
    }
  }
  return stats;
}
