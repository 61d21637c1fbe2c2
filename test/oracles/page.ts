/** The validation page: comparisons with independent programs, what is skipped and why, and the mappings. */
import type { Accelerator } from "../../src/sim/hardware/accelerator.ts";
import { PASSES } from "../../src/sim/operation/operation.ts";
import type { TallyRow } from "./oracle.ts";
import type { ComparedFolder, Outcome } from "./run-folders.ts";
import { IID_CASES, IID_ZEROS, iidSpeedup, largestDeviation } from "./tensordash-iid.ts";

/** The whole page in Markdown. */
export function validationPage(
  outcomes: readonly Outcome[],
  accelerators: Readonly<Record<string, Accelerator>>,
): string {
  const compared = outcomes.filter((outcome) => outcome.kind === "compared");
  return [
    "# Validation",
    "",
    "This page lists the numbers of independent programs that swat-sim is compared with, what is not compared, and why.",
    "",
    "`npm run validate -- DIR… --page docs/validation.md` writes it. Every expected number was printed by the program named, on masks",
    "and tensors that are stored with it; swat-sim computes its own number from the same inputs. Counts must be equal, and their largest",
    "error is relative. Values must lie within ten times the rounding noise of the program's own single precision, and their largest",
    "error is a share of that tolerance. A case that cannot be read or replayed counts as a difference.",
    "",
    ...summary(compared),
    "",
    "A comparison is skipped for one of two reasons: the program does not model the quantity as swat-sim does, or only a bug of the",
    "program explains its number. Each section lists its skips with their counts.",
    "",
    "`npm run validate -- --fuzz SEED` goes beyond stored cases: it draws odd shapes and legal parameters of every accelerator and checks",
    "the conformance laws, MAC counts one by one, and closed forms or literal models of each array, of tile traffic and of what stays on chip.",
    ...compared.flatMap(oracleSection),
    "",
    ...iidSection(),
    "",
    ...mappingSection(accelerators),
    "",
  ].join("\n");
}

function summary(folders: readonly ComparedFolder[]): string[] {
  return [
    "| oracle | cases | comparisons | equal | skipped | failed cases |",
    "|---|---|---|---|---|---|",
    ...folders.map(({ oracle, tally: { rows, skips, cases } }) => {
      const sum = (count: "equal" | "compared") => [...rows.values()].reduce((total, row) => total + row[count], 0);
      const skipped = [...skips.values()].reduce((total, places) => total + places.length, 0);
      const failed = cases.listed - cases.replayed;
      return `| ${oracle} | ${cases.listed} | ${sum("compared")} | ${sum("equal")} | ${skipped} | ${failed} |`;
    }),
  ];
}

/** Names of the programs' own that the quantities use. */
const WORDS: Readonly<Record<string, string>> = {
  tensordash: "`fw`, `bw_in` and `bw_wgt` are the program's names of forward, inputGrad and weightGrad.",
  swat: "The name in parentheses is the build of our kernels.",
};

function oracleSection({ oracle, source, tally }: ComparedFolder): string[] {
  const skips = [...tally.skips].map(([reason, places]) => `* ${places.length} × ${reason}`);
  return [
    "",
    `## ${oracle}`,
    "",
    [`${source}; ${tally.cases.listed} cases.`, WORDS[oracle]].filter((line) => line !== undefined).join(" "),
    "",
    "| quantity | equal | compared | largest error |",
    "|---|---|---|---|",
    ...[...tally.rows.values()].map(
      ({ quantity, equal, compared, error }) => `| ${quantity} | ${equal} | ${compared} | ${errorText(error)} |`,
    ),
    ...(skips.length > 0 ? ["", "Skipped:", "", ...skips] : []),
  ];
}

function errorText({ largest, isShare }: TallyRow["error"]): string {
  if (largest === 0) return "0";
  if (!Number.isFinite(largest)) return "not a number";
  return isShare ? `${largest.toPrecision(2)} of the tolerance` : `${(100 * largest).toPrecision(2)} %`;
}

/** TensorDash's scheduler against a table of speed-ups on i.i.d. masks. */
function iidSection(): string[] {
  const rows = IID_CASES.map((one) => {
    const at = one.speedups[IID_ZEROS.indexOf(0.9)];
    const deviation = (100 * largestDeviation(one)).toFixed(2);
    return `| ${one.order} | ${one.rows} | ${at.toFixed(3)} | ${iidSpeedup(one, 0.9).toFixed(3)} | ${deviation} % |`;
  });
  return [
    "## TensorDash on i.i.d. masks",
    "",
    "Speed-up of the scheduler over 20,000 lines of 16 lanes. The expected speed-ups come from a separate model, written from the paper",
    "and from DNNsim, on random masks of its own; the tests allow a deviation of 1 %. Without zeros the speed-up is exactly 1.",
    "",
    `| priority list | rows | expected at 90 % zeros | swat-sim | largest error, 10 % to 99 % zeros |`,
    "|---|---|---|---|---|",
    ...rows,
  ];
}

/** Machine × pass: what lies where, what is skipped, and what the cycles are validated against. */
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
    "At stride 1, inputGrad is a forward convolution of the output gradient with rotated weights: it runs the code that is validated for",
    "forward. A strided input gradient is split into stride phases, each such a convolution.",
    "",
    "| accelerator | pass | lanes reduce over | rows | columns | stationary | skipped | validated against |",
    "|---|---|---|---|---|---|---|---|",
    ...rows,
  ];
}
