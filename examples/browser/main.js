/**
 * Replays a trace that the user chooses, on the page and nowhere else. To make the page:
 *
 *     npx esbuild examples/browser/main.js examples/browser/index.html --bundle --loader:.html=copy --outdir=out/browser
 */
import bitTactical from "swat-sim/hw-configs/bit-tactical-4096.json" with { type: "json" };
import dadiannao from "swat-sim/hw-configs/dadiannao-4096.json" with { type: "json" };
import ideal from "swat-sim/hw-configs/ideal-4096.json" with { type: "json" };
import tensorDash from "swat-sim/hw-configs/tensordash-4096.json" with { type: "json" };
import { accelerators, rankedMachines, resolveMachine, simulate } from "swat-sim/sim";
import { identifyTrace } from "swat-sim/trace";

const resolve = (/** @type {{ name: string }} */ config) => resolveMachine(config, config.name, accelerators);
const machines = [bitTactical, ideal, tensorDash].map(resolve);
const commonBaseline = resolve(dadiannao);

const trace = /** @type {HTMLInputElement} */ (document.getElementById("trace"));
const stop = /** @type {HTMLButtonElement} */ (document.getElementById("stop"));
const progress = /** @type {HTMLProgressElement} */ (document.getElementById("progress"));
const status = /** @type {HTMLElement} */ (document.getElementById("status"));
const table = /** @type {HTMLTableSectionElement} */ (document.getElementById("machines"));
const download = /** @type {HTMLElement} */ (document.getElementById("download"));

trace.addEventListener("change", async () => {
  const [file] = trace.files ?? [];
  if (file === undefined) return;
  const abort = new AbortController();
  stop.onclick = () => abort.abort();
  stop.disabled = false;
  trace.disabled = true;
  status.textContent = `simulating ${file.name}`;
  try {
    const identified = await identifyTrace(file.name, new Uint8Array(await file.arrayBuffer()));
    const onProgress = (/** @type {number} */ done, /** @type {number} */ of) =>
      Object.assign(progress, { value: done, max: of });
    const settings = { commonBaseline, onProgress, signal: abort.signal };
    const result = await simulate({ traces: [identified], machines, ...settings });
    show({ ...result, machines: rankedMachines(result.machines) });
    status.textContent = `simulated ${file.name}`;
  } catch (error) {
    status.textContent = String(error);
  } finally {
    stop.disabled = true;
    trace.disabled = false;
  }
});

/** @param {import("swat-sim/sim").SimulationResult} result */
function show(result) {
  table.replaceChildren();
  for (const { name, totals } of result.machines) {
    const { speedup, seconds } = totals.training;
    const row = table.insertRow();
    for (const text of [name, speedup?.toFixed(2) ?? "–", (seconds * 1e3).toFixed(3)])
      row.insertCell().textContent = text;
  }
  const href = URL.createObjectURL(new Blob([JSON.stringify(result)], { type: "application/json" }));
  const name = "result.json";
  download.replaceChildren(Object.assign(document.createElement("a"), { href, download: name, textContent: name }));
}
