/** What must be true of the answer to any file. Verbs may refuse what a file asks for; what they give, they must be able to go on with. */
import { stripVTControlCharacters } from "node:util";
import { loadMachines } from "../../src/api/open.ts";
import { visibleLines } from "../../src/core/input/visible-text.ts";
import { resultCsv, resultTable } from "../../src/index.ts";
import { memorySource } from "../../src/io/byte-source.ts";
import { reportPage } from "../../src/report/html/page.ts";
import { conservationFaults } from "../../src/sim/conformance/memory.ts";
import { operationFaults } from "../../src/sim/conformance/operation.ts";
import type { EnergyTable } from "../../src/sim/energy/table.ts";
import type { Machine } from "../../src/sim/hardware/machine.ts";
import { readResult } from "../../src/sim/result/read-result.ts";
import type { SimulationResult } from "../../src/sim/result/result.ts";
import { simulate } from "../../src/sim/simulate.ts";
import type { Dataset } from "../../src/swat/data/dataset.ts";
import type { Picture } from "../../src/swat/data/picture.ts";
import { resample } from "../../src/swat/data/resample.ts";
import type { ImportedTrace } from "../../src/trace/import/imported.ts";
import { encodeTrace, openTrace, type Trace } from "../../src/trace/trace.ts";
import { verifyTrace } from "../../src/trace/verify.ts";
import { type FuzzCase, operationOf } from "../sim/fuzz/fuzz-case.ts";
import { fileBytes, handMade } from "../support/hand-made.ts";
import type { Draw } from "./draw.ts";
import { ensure, must } from "./outcome.ts";

const shipped = await loadMachines(["all"]);
const smallTrace = await openTrace(memorySource("small.safetensors", fileBytes(handMade())));
const SMALL_OP: FuzzCase = {
  pass: "forward",
  geometry: {
    ...{ N: 2, C: 5, H: 4, W: 3, K: 3, R: 2, S: 2, groups: 1 },
    ...{ stride: [1, 1], padding: [1, 0, 0, 1], dilation: [1, 1] },
  },
  densities: [0.3, 0.6],
  maskSeed: 7,
  paddingAsNonzeros: false,
};
const smallOperation = operationOf(SMALL_OP);
/** Machines that a trace is simulated on: all of them would take half a second. */
const MACHINES = 2;
/** Larger ones take seconds by right. */
const MOST_LAW_MACS = 1e7;
const SIDE = 8;
/** A page draws charts: one of so many is enough. */
const PAGES = 1 / 40;

const identified = (trace: Trace) => ({ trace, name: trace.name, sha256: "0".repeat(64) });

/** A trace that was opened is verified and simulated; one without a fault keeps the conservation of bytes. */
export async function traceLaws(trace: Trace, draw: Draw): Promise<void> {
  const faults = await must("verifying an opened trace", () => verifyTrace(trace));
  const machines = Array.from({ length: MACHINES }, () => draw.pick(shipped));
  const macs = macsOf(trace);
  if (macs > MOST_LAW_MACS) return;
  const result = await simulate({ traces: [identified(trace)], machines: [...new Set(machines)] });
  await resultLaws(result, draw);
  if (faults.length > 0) return;
  const broken = await must("conservation", () => conservationFaults(trace, machines[0]));
  ensure(broken.length === 0, `conservation on ${machines[0].name}: ${broken[0]}`);
}

function macsOf({ manifest }: Trace): number {
  return manifest.ops.reduce((sum, op) => {
    if (!("geometry" in op)) return sum;
    const {
      N,
      C,
      K,
      H,
      W,
      R,
      S,
      padding: p,
    } = op.geometry as {
      N: number;
      C: number;
      K: number;
      H: number;
      W: number;
      R: number;
      S: number;
      padding: number[];
    };
    return sum + N * C * K * R * S * (H + p[0] + p[1]) * (W + p[2] + p[3]);
  }, 0);
}

/** A machine that was resolved simulates a small step, or refuses it, and keeps the laws of machines. */
export async function machineLaws(machine: Machine, draw: Draw): Promise<void> {
  const result = await simulate({ traces: [identified(smallTrace)], machines: [machine] });
  await resultLaws(result, draw);
  const { accelerator, params } = machine;
  const broken = await must("laws of accelerators", () =>
    operationFaults(accelerator, params as never, smallOperation),
  );
  ensure(broken.length === 0, `laws of ${accelerator.id}: ${broken[0]}`);
  const lost = await must("conservation", () => conservationFaults(smallTrace, machine));
  ensure(lost.length === 0, `conservation: ${lost[0]}`);
}

/** A table that was resolved gives energies, or refuses them. */
export async function energyLaws(table: EnergyTable, draw: Draw): Promise<void> {
  const result = await simulate({ traces: [identified(smallTrace)], machines: [draw.pick(shipped)], energy: [table] });
  await resultLaws(result, draw);
}

/** A result can be read back, and becomes text without a character that would harm. */
export async function resultLaws(result: SimulationResult, draw: Draw): Promise<void> {
  const text = await must("writing a result", () => JSON.stringify(result));
  const again = await must(
    "reading a result that was written",
    () => readResult(JSON.parse(text), "result.json").result,
  );
  ensure(JSON.stringify(again) === text, "a result that was read is the one that was written");
  await must("rendering a result", () => renderingLaws(result, draw));
}

/** A result that was read becomes a table, CSV and a page, or is refused there, without a character that would harm. */
export async function renderingLaws(result: SimulationResult, draw: Draw): Promise<void> {
  const csv = resultCsv(result);
  ensure(visibleLines(csv) === csv, "CSV holds a character that would harm");
  const table = stripVTControlCharacters(resultTable(result));
  ensure(visibleLines(table) === table, "the table holds a character that would harm");
  if (!draw.chance(PAGES)) return;
  const named = { file: "result.json", sha256: "0".repeat(64), result };
  await reportPage({ results: [named], points: [] });
}

/** What was imported is a trace without a fault. */
export async function importLaws({ manifest, masks }: ImportedTrace, draw: Draw): Promise<void> {
  const bytes = await must("writing an imported trace", () => encodeTrace(manifest, masks));
  const trace = await must("opening an imported trace", () => openTrace(memorySource("imported", bytes)));
  const faults = await must("verifying an imported trace", () => verifyTrace(trace));
  ensure(faults.length === 0, `an imported trace: ${faults[0]}`);
  await traceLaws(trace, draw);
}

/** Every image of a data set is finite numbers, and has a class. */
export function datasetLaws(set: Dataset): void {
  const image = new Float32Array(set.channels * set.height * set.width);
  for (let i = 0; i < Math.min(set.size, SIDE); i++) {
    set.loadImage(i, image, 0);
    ensure(image.every(Number.isFinite), `image ${i} is not finite`);
    ensure(set.label(i) >= 0 && set.label(i) < set.classes, `label ${i} is ${set.label(i)}`);
  }
}

/** A picture has all its pixels, and can be resized. */
export function pictureLaws(picture: Picture): void {
  const { width, height, bytes, step } = picture;
  ensure(bytes.length >= width * height * step, `${width}x${height} pixels in ${bytes.length} bytes`);
  const target = new Float32Array(3 * SIDE * SIDE);
  resample(picture, { top: 0, left: 0, height, width }, [SIDE, SIDE], target, 0);
  ensure(
    target.every((value) => value >= 0 && value <= 255.01),
    "a resized picture is within 0 … 255",
  );
}
