/** `swat-sim explain`: where the cycles of a layer's pass went, as a waterfall from ideal to achieved. */
import type { Command } from "commander";
import { openMachines, openTraces } from "../api/open.ts";
import { PASSES, type Pass } from "../core/passes.ts";
import { allOf, InputError, unknownName } from "../io/faults.ts";
import { waterfall } from "../report/tables/waterfall.ts";
import { simulate } from "../sim/simulate.ts";
import { isMacOp } from "../trace/manifest.ts";
import { ALLOW_UNEQUAL, BASELINE, type BaselineOptions, HW, MACHINE, oneOf } from "./options/options.ts";
import { warned } from "./terminal/warnings.ts";

interface ExplainOptions extends BaselineOptions {
  hw: string[];
  machine?: string[];
  layer?: string;
  pass?: Pass;
  json?: true;
}

/** Adds its options and its action. */
export function addExplainCommand(command: Command): void {
  command
    .argument("<trace>", "a recorded step (.safetensors)")
    .requiredOption("--hw <config...>", HW[1])
    .option(...MACHINE)
    .option(...BASELINE)
    .option(...ALLOW_UNEQUAL)
    .option("--layer <name>", "only this layer")
    .option("--pass <pass>", PASSES.join(", "), oneOf(PASSES))
    .option("--json", "print the breakdowns as JSON, in multiplier-cycles")
    .addHelpText(
      "after",
      "\nExample:\n  $ swat-sim explain traces/resnet8-swat-u90.safetensors --hw tensordash-4096 --layer layer1.0.conv1 --pass forward",
    )
    .action(explain);
}

async function explain(path: string, options: ExplainOptions): Promise<void> {
  const { hw, machine: modules, baseline } = options;
  const [{ energy: _, ...opened }, traces] = await allOf([
    openMachines({ hw, modules, baseline }),
    openTraces([path]).then(warned),
  ]);
  const { machines } = opened;
  const layers = [...new Set(traces[0].trace.manifest.ops.filter(isMacOp).map(({ layer }) => layer))];
  if (options.layer !== undefined && !layers.includes(options.layer)) {
    throw new InputError([`${path}: ${unknownName("layer", options.layer, layers)}`], { unknownNames: ["layer"] });
  }
  const result = await simulate({ traces, ...opened, allowUnequal: options.allowUnequal ?? false });
  const wanted = ({ layer, pass }: { layer: string; pass: string }) =>
    (options.layer ?? layer) === layer && (options.pass ?? pass) === pass && layers.includes(layer);
  const found = result.machines.flatMap((machine, index) =>
    machine.rows
      .filter((row) => row.macs.dense > 0 && wanted(row))
      .map((row) => ({ machine, row, multipliers: machines[index].multipliers })),
  );
  if (found.length === 0)
    throw new InputError([`${path}: ${options.layer} has no ${options.pass}; the first layer has no inputGrad`]);
  if (options.json) {
    const reports = found.map(({ machine: { name, baseline }, row, multipliers }) => ({
      ...{ machine: name, baseline: baseline.name, multipliers },
      ...row,
    }));
    console.log(JSON.stringify(reports));
  } else console.log(found.map(({ machine, row, multipliers }) => waterfall(machine, row, multipliers)).join("\n\n"));
}
