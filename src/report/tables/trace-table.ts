/** What a trace holds, as text: network, step, and per layer geometry, MACs, densities and how unevenly they are spread. */

import { denseMacs } from "../../core/dense-macs.ts";
import { visible } from "../../core/input/visible-text.ts";
import { coverageOf, coverageText } from "../../trace/coverage.ts";
import { isMacOp, type TraceManifest, type TraceTensor } from "../../trace/manifest.ts";
import type { DensityStatistics } from "../../trace/statistics.ts";
import { percent, plainTable } from "./table.ts";

const MEGA = 1e6;

/** Text for one trace; `statistics` gives the densities of a tensor by id. */
export function traceTable(
  name: string,
  manifest: TraceManifest,
  statistics: ReadonlyMap<string, DensityStatistics>,
): string {
  const { network, dataset, method, seed, kernels, epoch, step, loss } = manifest;
  const settings = [
    ["network", network],
    ["data", dataset],
    ["method", method.sparsity === undefined ? method.name : `${method.name} ${percent(method.sparsity)}`],
    ["top-k period", method.topKPeriod],
    ["seed", seed],
    ["kernels", kernels],
    ["epoch", epoch],
    ["step", step],
    ["loss", loss?.toFixed(4)],
  ].filter(([, value]) => value !== undefined);
  const table = plainTable(
    ["layer", "pass", "geometry", "operand", "MACs\nM", "density\n%", "CV over\nfilters/images", "CV over\nchannels"],
    4,
  );
  for (const op of manifest.ops.filter(isMacOp)) {
    Object.entries(op.operands).forEach(([operand, id], index) => {
      const numbers = statistics.get(id as string) as DensityStatistics;
      const first = index === 0;
      table.push([
        first ? visible(op.layer) : "",
        first ? op.pass : "",
        first ? describeGeometry(op.geometry) : "",
        operand,
        first ? (denseMacs(op.geometry) / MEGA).toFixed(2) : "",
        percent(numbers.density).replace(" %", ""),
        numbers.spreadOverSlices.toFixed(3),
        numbers.spreadOverChannels.toFixed(3),
      ]);
    });
  }
  const others = manifest.ops.length - manifest.ops.filter(isMacOp).length;
  const coverage = coverageOf(manifest);
  return [
    visible(`${name}: ${settings.map(([key, value]) => `${key} ${value}`).join(" · ")}`),
    table.toString(),
    `${manifest.tensors.length} tensors, ${storedMasks(manifest.tensors)} with masks; ${others} ops without MACs`,
    ...(coverage === undefined ? [] : [`incomplete step: ${coverageText(coverage)}`, unrecordedTable(manifest)]),
  ].join("\n");
}

/** What the recorder left out; nothing where it only lacks micro-batches. */
function unrecordedTable({ unrecorded = [] }: TraceManifest): string {
  if (unrecorded.length === 0) return "";
  const table = plainTable(["not recorded", "kind", "reads", "writes", "forward\nMACs M", "moved\nMB"], 4);
  const shapes = (list: readonly (readonly number[])[]) => list.map((shape) => shape.join("×")).join(", ");
  for (const { name, kind, shapes: of, macs, bytesRead, bytesWritten } of unrecorded) {
    table.push([
      ...[name, kind, shapes(of.reads), shapes(of.writes)].map(visible),
      macs === undefined ? "?" : ((macs.forward ?? 0) / MEGA).toFixed(2),
      ((bytesRead + bytesWritten) / MEGA).toFixed(2),
    ]);
  }
  return table.toString();
}

function storedMasks(tensors: readonly TraceTensor[]): number {
  return tensors.filter(({ mask }) => mask !== undefined).length;
}

function describeGeometry(g: {
  N: number;
  C: number;
  H: number;
  W: number;
  K: number;
  R: number;
  S: number;
  stride: readonly number[];
  padding: readonly number[];
  dilation: readonly number[];
  groups: number;
}): string {
  const extras = [
    g.stride.some((s) => s !== 1) ? `stride ${same(g.stride)}` : "",
    g.padding.some((p) => p !== 0) ? `pad ${same(g.padding)}` : "",
    g.dilation.some((d) => d !== 1) ? `dilation ${same(g.dilation)}` : "",
    g.groups > 1 ? `groups ${g.groups}` : "",
  ].filter((text) => text !== "");
  return [`${g.N}×${g.C}×${g.H}×${g.W} → ${g.K}, ${g.R}×${g.S}`, ...extras].join(", ");
}

function same(values: readonly number[]): string {
  return values.every((value) => value === values[0]) ? String(values[0]) : values.join("/");
}
