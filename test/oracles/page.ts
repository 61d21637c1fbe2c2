/** The page of validation: which numbers of which independent programs ours are equal to, what was left out, and the mappings. */
import type { Accelerator } from "../../src/sim/accelerator.ts";
import { PASSES } from "../../src/sim/operation.ts";
import type { TallyRow } from "./oracle.ts";
import type { ComparedFolder, Outcome } from "./run-folders.ts";
import { IID_CASES, IID_ZEROS, iidSpeedup, largestDeviation } from "./tensordash-iid.ts";

/** The whole page in Markdown. */
export function validationPage(
  outcomes: readonly Outcome[],
  accelerators: Readonly<Record<string, Accelerator>>,
): string {
  return [
    "# What holds the numbers",
    "",
    "Written by `npm run validate -- DIR… --page docs/validation.md`. Every number compared here was printed by the program named, on",
    "masks and tensors that it was given; our code computed its own from the same inputs. Counts have to be equal: their largest",
    "error is relative. Values have to lie within ten times the noise of the program's own single precision: their largest error",
    "is a share of that tolerance. A case of which only a bug of the program explains the count is left out, and so is what the",
    "program does not do; `fw`, `bw_in` and `bw_wgt` are forward, inputGrad and weightGrad, `(js)` and the like builds of our kernels.",
    ...outcomes.filter((outcome) => outcome.kind === "compared").flatMap(oracleSection),
    "",
    ...iidSection(),
    "",
    ...mappingSection(accelerators),
    "",
  ].join("\n");
}

function oracleSection({ oracle, source, tally }: ComparedFolder): string[] {
  const skips = [...tally.skips].map(([reason, places]) => `* ${places.length} × ${reason}`);
  return [
    "",
    `## ${oracle}`,
    "",
    `${source}; ${tally.cases.listed} cases.`,
    "",
    "| quantity | equal | compared | largest error |",
    "|---|---|---|---|",
    ...[...tally.rows.values()].map(
      ({ quantity, equal, compared, error }) => `| ${quantity} | ${equal} | ${compared} | ${errorText(error)} |`,
    ),
    ...(skips.length > 0 ? ["", "Left out:", "", ...skips] : []),
  ];
}

function errorText({ largest, isShare }: TallyRow["error"]): string {
  if (largest === 0) return "0";
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
    "Speed-up of the scheduler over 20,000 lines of 16 lanes beside a table made once with another model of it, written from the",
    "paper's description and from DNNsim's and run on random masks of its own (xorshift64); the tests allow 1 %. Without a zero the",
    "speed-up is exactly 1.",
    "",
    `| priority list | rows | theirs at 90 % zeros | ours | largest error, 10 % to 99 % zeros |`,
    "|---|---|---|---|---|",
    ...rows,
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
