/** The page of validation: which numbers of which independent programs ours are equal to, what was left out, and the mappings. */
import type { Accelerator } from "../../src/sim/accelerator.ts";
import { PASSES } from "../../src/sim/operation.ts";
import type { CountingTally } from "./oracle.ts";

/** What one folder of cases gave. */
export interface Outcome {
  readonly oracle: string;
  readonly source: string;
  readonly cases: number;
  readonly tally: CountingTally;
}

/** The whole page in Markdown. */
export function validationPage(
  outcomes: readonly Outcome[],
  accelerators: Readonly<Record<string, Accelerator>>,
): string {
  return [
    "# What holds the numbers",
    "",
    "Written by `npm run validate -- DIR… --page docs/validation.md`. Every number compared here was printed by the program named, on",
    "masks and tensors that it was given; our code computed its own from the same inputs. Counts have to be equal, values to lie",
    "within ten times the noise of the program's own single precision.",
    ...outcomes.flatMap(oracleSection),
    "",
    ...mappingSection(accelerators),
    "",
  ].join("\n");
}

function oracleSection({ oracle, source, cases, tally }: Outcome): string[] {
  const skips = [...tally.skips].map(([reason, places]) => `* ${places.length} × ${reason}`);
  return [
    "",
    `## ${oracle}`,
    "",
    `${source}; ${cases} cases.`,
    "",
    "| quantity | equal | compared |",
    "|---|---|---|",
    ...[...tally.rows.values()].map(({ quantity, equal, compared }) => `| ${quantity} | ${equal} | ${compared} |`),
    ...(skips.length > 0 ? ["", "Left out:", "", ...skips] : []),
  ];
}

/** Machine × pass: what lies where, what is skipped, and what referees the cycles. */
export function mappingSection(accelerators: Readonly<Record<string, Accelerator>>): string[] {
  const rows = Object.values(accelerators).flatMap(({ id, mappings }) =>
    PASSES.map((pass) => {
      const { lanes, rows: onRows, columns, stationary, skipped, referee } = mappings[pass];
      return `| \`${id}\` | ${pass} | ${lanes} | ${onRows} | ${columns} | ${stationary} | ${skipped} | ${referee} |`;
    }),
  );
  return [
    "## Mappings",
    "",
    "inputGrad at stride 1 is a forward convolution of the output gradient with rotated weights, so that what referees forward",
    "referees the same code there; strided input gradients are cut into stride phases, each such a convolution.",
    "",
    "| accelerator | pass | lanes reduce over | rows | columns | stationary | skipped | referee |",
    "|---|---|---|---|---|---|---|---|",
    ...rows,
  ];
}
