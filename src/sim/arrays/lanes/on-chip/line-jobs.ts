/**
 * The jobs of a pass as the global buffer sees them: which lines each set at the rows keeps, how many addresses a line takes
 * at the rows, and in which banks the columns' values of a line lie. All channels of a position share a bank; a padded
 * position is stored like any other; windows share no reads. Values at the rows are stored line by line, set after set, from
 * any bank on: that changes no count.
 * Source: DNNsim 4748a600 (forward). The other passes are laid out alike: outputGrad takes the input's place in inputGrad and
 * the weights' place in weightGrad, where a line of the columns is `lanes` positions of some channels.
 */
import type { ConvGeometry } from "../../../../core/geometry.ts";
import type { LineDetail } from "../../../hardware/line-detail.ts";
import { sourceExtent, type Tap, type WindowGrid, windowGrids } from "../../../operation/channel-first.ts";
import type { Pass } from "../../../operation/operation.ts";
import { type ArrayParams, imageStreams } from "../array-params.ts";
import { type BankMap, bankOf, inputBanks, outputGradBanks } from "../operands/bank-map.ts";
import { type SetAxis, setAxis } from "../tile-dispatch.ts";
import type { Banks } from "./banks.ts";

/** Pairs of an outer and an inner set, dispatched to tiles as `tile-dispatch.ts` says. */
export interface LineJob {
  /** What the columns hold: windows, or channels in weightGrad. */
  readonly outer: SetAxis;
  /** What the rows hold. */
  readonly inner: SetAxis;
  /** Lines of a set before skipping. */
  readonly lines: number;
  /** Lines that each inner set keeps, in order; null: all of them. */
  readonly kept: readonly Int32Array[] | null;
  /** Lines behind the current one that the columns must also hold. */
  readonly lookahead: number;
  /** Addresses of a line of an inner set, those of rows without a filter included. */
  readonly lineAddresses: number;
  readonly outputBits: number;
  /** Adds the addresses of lines [from, to) of an outer set. */
  readonly request: (outerSet: number, from: number, to: number, banks: Banks) => void;
  readonly layout: (outerSet: number) => Layout;
}

/**
 * How an outer set lies in the banks. A tap moves every window by the same number of banks, since windows step by whole
 * periods of the bank map: outer sets of one shape ask for the same numbers of addresses, `start` banks further on.
 */
interface Layout {
  readonly start: number;
  readonly shape: string;
}

/** A static schedule as these buffers see it. */
export interface LineSchedule {
  readonly lookahead: number;
  /** Bits that say for each weight where it was moved from. */
  readonly selectBits: number;
  /** Lines that each filter set of a group keeps over the taps of `grid`. */
  kept(group: number, grid: WindowGrid): readonly Int32Array[];
}

/** Addresses of `values` values of `bits` bits, which do not straddle addresses. */
export function addressesOf(values: number, bits: number, addressBits: number): number {
  return bits > addressBits
    ? values * Math.ceil(bits / addressBits)
    : Math.ceil(values / Math.floor(addressBits / bits));
}

/** The jobs of `pass` on one stream of images, in the order in which they run; without a schedule every line is kept. */
export function* lineJobs(
  pass: Pass,
  g: ConvGeometry,
  params: ArrayParams,
  line: LineDetail,
  schedule: LineSchedule | null = null,
): Generator<LineJob> {
  const { lanes, rows } = params;
  const { images } = imageStreams(params, g.N);
  const banks = line.activations.banks;
  const outputs = g.K / g.groups;
  const inputs = g.C / g.groups;
  const selectAddresses = rows * Math.ceil((lanes * (schedule?.selectBits ?? 0)) / line.addressBits);
  const lineAddresses = rows * addressesOf(lanes, line.weightBits, line.addressBits) + selectAddresses;
  const common = { lookahead: schedule?.lookahead ?? 0, lineAddresses };
  const valueAddresses = (values: number) => addressesOf(values, line.activationBits, line.addressBits);

  if (pass === "weightGrad") {
    for (const grid of windowGrids("forward", g)) {
      const positions = images * grid.height * grid.width;
      const outer = setAxis(inputs, params.columns, grid.taps.length);
      const inner = setAxis(outputs, rows);
      const requests = positionRequests(inputBanks(g, banks), grid, { positions, lanes, outer }, valueAddresses);
      const lines = Math.ceil(positions / lanes);
      for (let group = 0; group < g.groups; group++) {
        yield { ...common, outer, inner, lines, kept: null, outputBits: line.sumBits, ...requests };
      }
    }
    return;
  }

  const grids = windowGrids(pass, g);
  const map = pass === "forward" ? inputBanks(g, banks) : outputGradBanks(g, sourceExtent(pass, g, grids), banks);
  const channels = pass === "forward" ? inputs : outputs;
  const blocks = Array.from({ length: Math.ceil(channels / lanes) }, (_, block) =>
    valueAddresses(Math.min(lanes, channels - block * lanes)),
  );
  const inner = setAxis(pass === "forward" ? outputs : inputs, rows);
  for (let group = 0; group < g.groups; group++) {
    for (const grid of grids) {
      const windows = images * grid.height * grid.width;
      const outer = setAxis(windows, params.columns);
      const requests = windowRequests(map, grid, windows, outer, blocks);
      const kept = schedule?.kept(group, grid) ?? null;
      const lines = grid.taps.length * blocks.length;
      yield { ...common, outer, inner, lines, kept, outputBits: line.activationBits, ...requests };
    }
  }
}

/** Every window of the set asks for its tap; a line is one block of channels of one tap. */
function windowRequests(
  map: BankMap,
  grid: WindowGrid,
  windows: number,
  { size }: SetAxis,
  blocks: readonly number[],
): Pick<LineJob, "request" | "layout"> {
  return {
    request(outerSet, from, to, banks) {
      const first = outerSet * size;
      const end = Math.min(first + size, windows);
      for (let t = from; t < to; ) {
        const tap = Math.floor(t / blocks.length);
        let addresses = 0;
        for (const stop = Math.min(to, (tap + 1) * blocks.length); t < stop; t++)
          addresses += blocks[t % blocks.length];
        for (let window = first; window < end; window++) {
          banks.add(tapBank(map, grid, window, grid.taps[tap]), addresses);
        }
      }
    },
    layout(outerSet) {
      const first = outerSet * size;
      const end = Math.min(first + size, windows);
      const start = tapBank(map, grid, first, grid.taps[0]);
      let shape = "";
      for (let window = first; window < end; window++) {
        shape += ` ${(tapBank(map, grid, window, grid.taps[0]) - start + map.banks) % map.banks}`;
      }
      return { start, shape };
    },
  };
}

/** Every position of the line asks for the channels of the set; sets follow one another tap by tap. */
function positionRequests(
  map: BankMap,
  grid: WindowGrid,
  { positions, lanes, outer }: { readonly positions: number; readonly lanes: number; readonly outer: SetAxis },
  valueAddresses: (values: number) => number,
): Pick<LineJob, "request" | "layout"> {
  const tapOf = (outerSet: number) => grid.taps[Math.floor(outerSet / outer.sets)];
  const channelsOf = (outerSet: number) => (outerSet % outer.sets === outer.sets - 1 ? outer.last : outer.size);
  return {
    request(outerSet, from, to, banks) {
      const tap = tapOf(outerSet);
      const addresses = valueAddresses(channelsOf(outerSet));
      const end = Math.min(to * lanes, positions);
      for (let position = from * lanes; position < end; position++) {
        banks.add(tapBank(map, grid, position, tap), addresses);
      }
    },
    layout: (outerSet) => ({ start: tapBank(map, grid, 0, tapOf(outerSet)), shape: String(channelsOf(outerSet)) }),
  };
}

/** Bank of what window `index` of a stream of images reads at `tap`. */
function tapBank(map: BankMap, grid: WindowGrid, index: number, tap: Tap): number {
  const window = index % (grid.height * grid.width);
  const y = grid.startY + Math.floor(window / grid.width) * grid.stepY + tap.y;
  const x = grid.startX + (window % grid.width) * grid.stepX + tap.x;
  return bankOf(map, y, x);
}
