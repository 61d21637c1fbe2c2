/**
 * The dense array in closed form: every set pair takes all its lines. forward and inputGrad: rows hold filters, columns
 * windows, lanes channels; weightGrad: rows hold output channels, columns input channels, lanes output positions.
 * Source: DNNsim 4748a600 (forward); the other passes are laid out alike.
 */
import { type ConvGeometry, outputHeight, outputWidth } from "../../../core/geometry.ts";
import { windowGrids } from "../../operation/channel-first.ts";
import type { Pass } from "../../operation/operation.ts";
import { type ArrayParams, imageStreams } from "./array-params.ts";
import { type DispatchTotals, emptyTotals, type SetAxis, setAxis, stepGroups } from "./tile-dispatch.ts";

/** Totals of a pass on an array that skips nothing. */
export function denseTotals(pass: Pass, g: ConvGeometry, params: ArrayParams): DispatchTotals {
  const totals = emptyTotals();
  const { images, streams } = imageStreams(params, g.N);
  const times = streams * g.groups;
  const outputs = g.K / g.groups;
  const inputs = g.C / g.groups;
  if (pass === "weightGrad") {
    const positions = Math.max(0, outputHeight(g)) * Math.max(0, outputWidth(g)) * images;
    const outer = setAxis(inputs, params.columns, g.R * g.S);
    const inner = setAxis(outputs, params.rows);
    addDense({ outer, inner, depth: positions, lines: Math.ceil(positions / params.lanes), times }, params, totals);
    return totals;
  }
  const channels = pass === "forward" ? inputs : outputs;
  const filters = pass === "forward" ? outputs : inputs;
  for (const grid of windowGrids(pass, g)) {
    const outer = setAxis(images * grid.height * grid.width, params.columns);
    const lines = grid.taps.length * Math.ceil(channels / params.lanes);
    const inner = setAxis(filters, params.rows);
    addDense({ outer, inner, depth: grid.taps.length * channels, lines, times }, params, totals);
  }
  return totals;
}

/** A job whose items all take `lines` lines for a reduction over `depth` elements, done so many times. */
interface DenseJob {
  readonly outer: SetAxis;
  readonly inner: SetAxis;
  readonly depth: number;
  readonly lines: number;
  readonly times: number;
}

function addDense({ outer, inner, depth, lines, times }: DenseJob, params: ArrayParams, totals: DispatchTotals): void {
  if (lines === 0 || outer.sets === 0 || inner.sets === 0) return;
  const outerSets = outer.sets * outer.repeat;
  const outerItems = ((outer.sets - 1) * outer.size + outer.last) * outer.repeat;
  const innerItems = (inner.sets - 1) * inner.size + inner.last;
  const cycles = times * lines * stepGroups(outer, inner, params.tiles, params.dealing);
  const busy = times * lines * outerItems * innerItems;
  totals.cycles += cycles;
  totals.baseCycles += cycles;
  totals.packedCycles += cycles;
  totals.scheduledPEs += busy;
  totals.idlePEs += times * lines * outerSets * inner.sets * outer.size * inner.size - busy;
  totals.outerLines += times * lines * outerItems * inner.sets;
  totals.innerLines += times * lines * innerItems * outerSets;
  totals.occupied += times * depth * outerItems * innerItems;
  totals.packedPEs += busy;
  totals.outputs += times * outerItems * innerItems;
}
