/**
 * Sweeps the shapes of the machines of equal peak: cycles of the array (and of making schedules) over those of dadiannao-4096. Prints a
 * table for each machine, and writes those of machines with a page into docs/machines. What is counted is kept in
 * out/equal-peak-shapes.jsonl by trace, model version and parameters: an interrupted run resumes after its last workload.
 *
 *     npx tsx scripts/equal-peak-shapes.ts [--large] [machine…]      all machines where none is named
 *
 * Machines that take long run recorded steps alone; with --large they also run the large synthetic ones, which takes minutes of CPU time each.
 */
import { mkdir } from "node:fs/promises";
import { loadMachine } from "../src/api/open.ts";
import { synthesizeTrace } from "../src/api/synthesize.ts";
import { writeFileAtomically } from "../src/io/atomic-file.ts";
import { openLines } from "../src/io/line-file.ts";
import { listDirectory, readBytes } from "../src/io/read-file.ts";
import { withRegion } from "../src/report/marked-region.ts";
import { accelerators } from "../src/sim/arrays/index.ts";
import { type Machine, resolveMachine } from "../src/sim/hardware/machine.ts";
import { prepareOperation } from "../src/sim/operation/ablations.ts";
import { type Operation, PASSES, type Pass } from "../src/sim/operation/operation.ts";
import { blank, extentOf, take } from "../src/sim/sampling/slice.ts";
import { isMacOp } from "../src/trace/manifest.ts";
import { encodeTrace, type IdentifiedTrace, identifyTrace } from "../src/trace/trace.ts";
import { CANDIDATES, SAMPLED, type Shape, SLOW } from "./equal-peak-candidates.ts";

const BASELINE = "dadiannao-4096";
const CACHE = "out/equal-peak-shapes.jsonl";
const PAGES = "docs/machines";
const LARGE = "--large";
const SAMPLE = 8;

const WORKLOADS: Readonly<Record<string, () => Promise<Uint8Array<ArrayBuffer>>>> = {
  "ResNet-18 dense": () => synthetic("resnet18", "dense", 32),
  "ResNet-18 SWAT-90": () => synthetic("resnet18", "swat-u", 32),
  "ResNet-50 dense": () => synthetic("resnet50-imagenet", "dense", 16),
  "ResNet-50 SWAT-90": () => synthetic("resnet50-imagenet", "swat-u", 16),
  "ResNet-20 dense": () => recorded("resnet20/dense-late"),
  "ResNet-20 SWAT-90": () => recorded("resnet20/swat-u90-late"),
  "ResNet-8 SWAT-90": () => recorded("resnet8-swat-u90"),
};
const SYNTHETIC = /^ResNet-(18|50)/;

async function recorded(step: string): Promise<Uint8Array<ArrayBuffer>> {
  return new Uint8Array((await readBytes(`traces/${step}.safetensors`)).bytes);
}

async function synthetic(network: string, method: "dense" | "swat-u", batch: number) {
  const { manifest, masks } = synthesizeTrace({
    network,
    method,
    sparsity: method === "dense" ? 0 : 0.9,
    batch,
    seed: 1,
  });
  return new Uint8Array(encodeTrace(manifest, masks));
}

type Counts = Record<Pass, number> & { occupied: number };
interface Point {
  readonly key: string;
  readonly counts: Counts;
}

const isLarge = process.argv.includes(LARGE);
const chosen = process.argv.slice(2).filter((argument) => argument !== LARGE);
const machines = chosen.length === 0 ? Object.keys(CANDIDATES) : chosen;
const base = await loadMachine(BASELINE, "machine");
const shapes = await Promise.all(machines.map(async (name) => ({ name, points: await pointsOf(name) })));

/** The shipped shape first. */
async function pointsOf(
  name: string,
): Promise<{ readonly shape: Shape; readonly machine: Machine; readonly isShipped: boolean }[]> {
  const shipped = await loadMachine(name, "machine");
  return (CANDIDATES[name] ?? []).map((shape) => {
    const params = { ...shipped.config.params, ...shape };
    const machine = resolveMachine({ ...shipped.config, params }, name, accelerators);
    return { shape, machine, isShipped: JSON.stringify(machine.params) === JSON.stringify(shipped.params) };
  });
}

await mkdir("out", { recursive: true });
const cache = await openLines(CACHE, Number.POSITIVE_INFINITY);
const known = new Map(cache.lines.map((line) => JSON.parse(line) as Point).map(({ key, counts }) => [key, counts]));
const results = new Map<string, Map<Machine, Counts>>();
for (const [workload, make] of Object.entries(WORKLOADS)) {
  const swept = shapes.filter(({ name }) => runs(name, workload));
  if (swept.length === 0) continue;
  results.set(workload, await countWorkload(await identifyTrace(workload, await make()), swept));
  console.error(`${workload}: ${Math.round(process.cpuUsage().user / 1e6)} s of CPU time so far`);
}

function runs(machine: string, workload: string): boolean {
  if (isLarge) return true;
  return SLOW.includes(machine) ? !SYNTHETIC.test(workload) : !workload.startsWith("ResNet-20");
}

async function countWorkload({ trace, sha256 }: IdentifiedTrace, swept: typeof shapes): Promise<Map<Machine, Counts>> {
  const keyOf = ({ accelerator, params, name }: Machine) =>
    JSON.stringify([sha256, accelerator.id, accelerator.modelVersion, params, SAMPLED.includes(name)]);
  const all = [base, ...swept.flatMap(({ points }) => points.map(({ machine }) => machine))];
  // The baseline may be one of the shapes, and is counted once.
  const byKey = new Map(all.map((machine) => [keyOf(machine), machine]));
  const missing = [...byKey.values()].filter((machine) => !known.has(keyOf(machine)));
  for (const machine of missing) known.set(keyOf(machine), { forward: 0, inputGrad: 0, weightGrad: 0, occupied: 0 });
  for (const op of missing.length === 0 ? [] : trace.manifest.ops.filter(isMacOp)) {
    const topKPeriod = trace.manifest.method.topKPeriod ?? 1;
    const operation = { ...(await prepareOperation(trace, op)).actual, topKPeriod };
    for (const machine of missing) count(machine, operation, known.get(keyOf(machine)) as Counts);
  }
  await cache.append(
    ...missing.map((machine) => JSON.stringify({ key: keyOf(machine), counts: known.get(keyOf(machine)) })),
  );
  return new Map(all.map((machine) => [machine, known.get(keyOf(machine)) as Counts]));
}

function count({ name, accelerator, params }: Machine, operation: Operation, counts: Counts): void {
  const { pass } = operation;
  const run = (part: Operation) => {
    const { cycles, reschedulingCycles, multiplierCycles } = accelerator.run(part, params);
    return { cycles: cycles + reschedulingCycles, occupied: multiplierCycles?.occupied ?? 0 };
  };
  const axis = pass === "inputGrad" ? "outputChannels" : pass === "forward" ? "inputChannels" : "images";
  const units = extentOf(operation.geometry, axis);
  const drawn = Array.from({ length: Math.floor(units / SAMPLE) }, (_, i) => i * SAMPLE + (i % SAMPLE));
  const isSampled = SAMPLED.includes(name) && drawn.length > 1 && operation.geometry.groups === 1;
  if (!isSampled) {
    const whole = run(operation);
    counts[pass] += whole.cycles;
    counts.occupied += whole.occupied;
    return;
  }
  // What every part pays, although the whole pays it once, is told from a part without a nonzero.
  const once = run(blank(operation, axis, drawn.length)).cycles;
  const part = run(take(operation, axis, drawn));
  counts[pass] += Math.round(once + ((part.cycles - once) * units) / drawn.length);
  counts.occupied += Math.round((part.occupied * units) / drawn.length);
}

for (const { name, points } of shapes) {
  const own = [...results].filter(([workload]) => runs(name, workload));
  const notes = [
    ...(SAMPLED.includes(name) ? [`One of ${SAMPLE} channels (weight gradients: images) is simulated.`] : []),
    ...(own.some(([workload]) => SYNTHETIC.test(workload)) ? [] : ["Recorded steps alone (`--large` adds others)."]),
  ];
  const table = [
    `Written by \`npx tsx scripts/equal-peak-shapes.ts ${name}\`. Time of the array over ${BASELINE} (forward · input gradient · weight gradient),`,
    `and the share of multiplier-cycles in which a product of the image is made. ${notes.join(" ")}`.trimEnd(),
    "",
    `| shape | ${own.map(([workload]) => workload).join(" | ")} |`,
    `|---|${"---|".repeat(own.length)}`,
    ...points.map(({ shape, machine, isShipped }) => {
      const text = Object.entries(shape)
        .map(([key, value]) => `${key} ${value}`)
        .join(", ");
      const cells = own.map(([, counts]) => cell(machine, counts));
      return `| ${isShipped ? `**${text}** (shipped)` : text} | ${cells.join(" | ")} |`;
    }),
  ].join("\n");
  console.log(`\n${name}\n${table}`);
  const page = `${PAGES}/${name}.md`;
  const hasPage = (await listDirectory(PAGES)).includes(`${name}.md`);
  if (!hasPage) continue;
  const text = new TextDecoder().decode((await readBytes(page)).bytes);
  await writeFileAtomically(page, withRegion(text, table, page));
}

function cell(machine: Machine, counts: ReadonlyMap<Machine, Counts>): string {
  const [own, other] = [counts.get(machine) as Counts, counts.get(base) as Counts];
  const sum = (all: Counts) => PASSES.reduce((cycles, pass) => cycles + all[pass], 0);
  const passes = PASSES.map((pass) => (own[pass] / other[pass]).toFixed(2)).join(" · ");
  const used = Math.round((100 * own.occupied) / (machine.multipliers * sum(own)));
  return `${(sum(own) / sum(other)).toFixed(2)} (${passes}) ${used} %`;
}
