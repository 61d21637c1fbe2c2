/** The tables of the comparison with the paper, as rows of text: gains of machines by sparsity, and what the method saves. */
import type { Standing } from "../../sim/result/ranking.ts";
import { times } from "../numbers.ts";
import type { ComparedMachine, MachinePoint, PaperComparison, SavedPoint } from "./paper-comparison.ts";
import { PUBLISHED_RANGES, type PublishedFigures } from "./published-figures.ts";

/** A table whose first column is text. */
export interface Section {
  readonly title: string;
  readonly head: readonly string[];
  readonly rows: readonly (readonly string[])[];
  readonly notes?: readonly string[];
}

/** The part of a comparison that needs no simulation. */
export type Saved = Pick<PaperComparison, "saved" | "published">;

type Columns = Readonly<Record<string, (point: MachinePoint) => number | null>>;

/** A kind of gain: one table for each sparsity. The first two columns are those that the paper prints, forward and backward. */
interface Gain {
  readonly title: string;
  readonly columns: Columns;
  readonly note: string;
  readonly isShown: (sparsity: number) => boolean;
  readonly compares: (standing: Standing) => boolean;
}

const PERCENT = 100;
const NONE = "–";

/** Gains of machines: over the common baseline, over their own dense counterpart, and over their own dense training. */
export function speedupSections(comparison: PaperComparison): Section[] {
  return gainsOver(comparison.baseline).flatMap(({ isShown, ...gain }) =>
    comparison.saved.flatMap(({ sparsity }, index) =>
      isShown(sparsity) ? gainSection(comparison.machines, gain, sparsity, comparison.published[index]) : [],
    ),
  );
}

function gainsOver(baseline: string): Gain[] {
  return [
    {
      title: `Speed-up over ${baseline} training densely`,
      columns: {
        "forward\narray": ({ forward }) => forward.arraySpeedup,
        "backward\narray": ({ backward }) => backward.arraySpeedup,
        "all\narray": ({ all }) => all.arraySpeedup,
        forward: ({ forward }) => forward.speedup,
        backward: ({ backward }) => backward.speedup,
        step: ({ step }) => step.speedup,
      },
      note: "array: cycles of the array alone. The rest: time with tiles, buffers, DRAM and compression. step: includes ops that do not multiply.",
      isShown: () => true,
      compares: (standing) => standing !== "apart",
    },
    {
      title: "Own skipping gain: over the machine's own dense counterpart",
      columns: {
        "forward\nzeros": ({ forward }) => forward.arrayGainFromZeros,
        "backward\nzeros": ({ backward }) => backward.arrayGainFromZeros,
        "forward\narray": ({ forward }) => forward.arrayOwnSkippingGain,
        "backward\narray": ({ backward }) => backward.arrayOwnSkippingGain,
        step: ({ step }) => step.ownSkippingGain,
      },
      note: "zeros: the array alone, from zeros of the operands. array: with skipped padding of lanes and images. step: time, with memory.",
      isShown: () => true,
      compares: () => true,
    },
    {
      title: "Speed-up over the same machine on dense training (its own 0 %)",
      columns: {
        "forward\narray": ({ forward }) => forward.arraySpeedupOverDenseTraining,
        "backward\narray": ({ backward }) => backward.arraySpeedupOverDenseTraining,
        "all\narray": ({ all }) => all.arraySpeedupOverDenseTraining,
        forward: ({ forward }) => forward.speedupOverDenseTraining,
        backward: ({ backward }) => backward.speedupOverDenseTraining,
        step: ({ step }) => step.speedupOverDenseTraining,
      },
      note: "What top-k adds to the zeros of ReLU.",
      isShown: (sparsity) => sparsity > 0,
      compares: () => true,
    },
  ];
}

/** Of the machines that the gain compares; of none, no section. */
function gainSection(
  machines: readonly ComparedMachine[],
  { title, columns, note, compares }: Omit<Gain, "isShown">,
  sparsity: number,
  { forwardSpeedup, backwardSpeedup }: Partial<PublishedFigures>,
): Section[] {
  const names = Object.keys(columns);
  const figures = [forwardSpeedup, backwardSpeedup].map((figure) => figure?.toFixed(1) ?? NONE);
  const compared = machines.filter(({ standing }) => compares(standing));
  const others = machines.filter(({ standing }) => !compares(standing));
  if (compared.length === 0) return [];
  const section = {
    title: `${title}, at ${whole(sparsity)} % sparsity`,
    head: ["machine", ...names.map((name) => `${name} ×`)],
    rows: [
      ["published", ...names.map((_, index) => figures[index] ?? NONE)],
      ...compared.map(({ name, standing, points }) => {
        const own = points.filter((point) => point.sparsity === sparsity);
        return [
          standing === "bound" ? `${name} (bound)` : name,
          ...Object.values(columns).map((of) => range(own.map(of))),
        ];
      }),
    ],
    notes: [
      note,
      ...(others.length === 0
        ? []
        : [`Other peak, clock or memory, so only below: ${others.map(({ name }) => name).join(", ")}.`]),
    ],
  };
  return [section];
}

/** Figures in the order of the positions, one where all read alike. */
function range(values: readonly (number | null)[]): string {
  const figures = values.map(times);
  return figures.every((figure) => figure === figures[0]) ? figures[0] : figures.join("–");
}

/** FLOPs and memory that the method saves. */
export function savedSections({ saved, published }: Saved): Section[] {
  const percents = (values: readonly (number | undefined)[]) =>
    values.map((value) => (value === undefined ? NONE : (PERCENT * value).toFixed(1)));
  const { activations, weights } = PUBLISHED_RANGES;
  const claimed = ([least, most]: readonly [number, number]) => `${whole(least)} to ${whole(most)} %`;
  return [
    {
      title: "Training FLOPs saved, %",
      head: ["sparsity %", "published", "counted as\npublished", "counted\nexactly"],
      rows: saved.map(({ sparsity, flops }, index) => [
        whole(sparsity),
        ...percents([published[index].flopsReduction, flops.published, flops.exact]),
      ]),
    },
    {
      title: "Memory of the backward pass saved, %",
      head: [
        "sparsity %",
        "activations,\nas published",
        "activations,\nvalues",
        "activations,\nwith bitmaps",
        "weights,\nvalues",
        "weights,\nwith bitmaps",
      ],
      rows: saved.map(({ sparsity, activations, weights }: SavedPoint) => [
        whole(sparsity),
        ...percents([activations.published, activations.values, activations.indexed]),
        ...percents([weights.values, weights.indexed]),
      ]),
      notes: [`Published: ${claimed(activations)} of activations, ${claimed(weights)} of weights, values only.`],
    },
  ];
}

function whole(share: number): string {
  return String(Math.round(PERCENT * share));
}
