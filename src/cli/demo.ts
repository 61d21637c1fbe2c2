/** `swat-sim demo`, the main job: train, record, replay, compare. `npm start` runs it. */
import type { Command } from "commander";
import { InputError } from "../io/faults.ts";
import { resultTable } from "../report/tables/result-table.ts";
import type { DemoMethod } from "../studies/demo.ts";
import { runDemo } from "../studies/demo.ts";
import { kernelBuild, TABLE_HINTS } from "./options/options.ts";
import { listenForInterruption } from "./terminal/interruption.ts";
import { type Progress, progressBar } from "./terminal/progress.ts";

const PERCENT = 100;

/** Adds its options and its action. */
export function addDemoCommand(command: Command): void {
  command
    .option("-o, --out <dir>", "output folder", "out/demo")
    .option("--json", "print the result as JSON")
    .addHelpText("after", "\nExample:\n  $ swat-sim demo --out out/demo")
    .action(demo);
}

async function demo(options: { out: string; json?: true }): Promise<void> {
  const interruption = listenForInterruption();
  const say = options.json ? console.error : console.log;
  let bar: Progress | null = null;
  let current: DemoMethod | null = null;
  try {
    const { result, files } = await runDemo(options.out, kernelBuild(), {
      signal: interruption.signal,
      onProgress(method, { step, steps, loss }) {
        if (current !== method) {
          bar?.stop();
          bar = progressBar(`training ${method}`);
          current = method;
        }
        bar?.update(step, steps, `· loss ${loss.toFixed(3)}`);
      },
      onTrained(method, { testAccuracy, loss, steps }) {
        bar?.stop();
        const learned = `loss ${loss.toFixed(3)}, test accuracy ${(testAccuracy * PERCENT).toFixed(1)} %`;
        say(`${method}: ${steps} steps, ${method === "dense" ? "for a step to compare with" : learned}`);
      },
    });
    if (options.json) console.log(JSON.stringify(result));
    else console.log(`\n${resultTable(result, { hints: TABLE_HINTS })}`);
    say("\nFiles:");
    for (const file of files) say(`  ${file}`);
  } catch (error) {
    if (!interruption.signal.aborted || !(error instanceof InputError)) throw error;
    (bar as Progress | null)?.stop();
    console.error(error.message);
    interruption.exit();
  } finally {
    (bar as Progress | null)?.stop();
    interruption.end();
  }
}
