/** What to sweep: machines, traces, and which of their fields take which values. */
import { type Static, Type } from "typebox";
import { checkSchema, InputError } from "../../io/faults.ts";

const MOST_CHARACTERS = 1000;

const Values = Type.Record(Type.String({ minLength: 1 }), Type.Unknown(), { minProperties: 1 });

/** A sweep as its file says it. */
export const SweepSpecSchema = Type.Object(
  {
    $schema: Type.Optional(Type.String({ description: "For editors." })),
    machines: Type.Array(Type.String(), {
      minItems: 1,
      uniqueItems: true,
      description: "Names of shipped machines, or paths of configs; the fields change them.",
    }),
    traces: Type.Optional(
      Type.Array(Type.String(), {
        minItems: 1,
        uniqueItems: true,
        description: "Paths of recorded steps; or give them as the field `trace` of the grid or the list.",
      }),
    ),
    grid: Type.Optional(
      Type.Record(Type.String({ minLength: 1 }), Type.Array(Type.Unknown(), { minItems: 1, uniqueItems: true }), {
        minProperties: 1,
        description:
          "Values by field, as `params.rows` or `memory.levels.0.size`; all combinations. null leaves a field out.",
      }),
    ),
    list: Type.Optional(
      Type.Array(Values, { minItems: 1, description: "Values by field, taken together; each with the whole grid." }),
    ),
    constraints: Type.Optional(
      Type.Array(Type.String({ minLength: 1, maxLength: MOST_CHARACTERS }), {
        description: "Conditions that a point has to meet, as `lanes * rows * columns * tiles == 4096`.",
      }),
    ),
  },
  { additionalProperties: false },
);

/** A checked spec. */
export type SweepSpec = Static<typeof SweepSpecSchema>;

/** The field that names a trace. */
export const TRACE = "trace";

/** Fields that a spec sweeps, in its order: those of the list, then those of the grid. */
export function sweptFields({ list = [], grid = {} }: SweepSpec): string[] {
  return [...new Set([...list.flatMap((values) => Object.keys(values)), ...Object.keys(grid)])];
}

/** Paths of all traces of a spec, each once. */
export function tracesOfSpec({ traces = [], list = [], grid = {} }: SweepSpec): string[] {
  const swept = [...list.map((values) => values[TRACE]), ...(grid[TRACE] ?? [])];
  return [...new Set([...traces, ...swept.filter((path) => path !== undefined)])] as string[];
}

/** Checks a parsed spec. @throws InputError with a line for each fault. */
export function checkSweepSpec(value: unknown, where: string): SweepSpec {
  const spec = checkSchema(SweepSpecSchema, value, where);
  const { traces, list = [], grid = {} } = spec;
  const faults: string[] = [];
  const twice = Object.keys(grid).filter((field) => list.some((values) => Object.hasOwn(values, field)));
  for (const field of twice) faults.push(`grid.${field}: is in the list, too; valid: one of them`);

  const inGrid = Object.hasOwn(grid, TRACE);
  const inList = list.filter((values) => Object.hasOwn(values, TRACE)).length;
  const isGiven = [traces !== undefined, inGrid, inList > 0].filter(Boolean).length;
  if (isGiven !== 1 || (inList > 0 && inList < list.length)) {
    faults.push(
      'needs "traces", or the field "trace" in the grid or in every entry of the list, and one of these only',
    );
  }
  for (const path of tracesOfSpec(spec)) {
    if (typeof path !== "string") faults.push(`${TRACE}: must be a path, got ${JSON.stringify(path)}`);
  }
  if (faults.length > 0) throw new InputError(faults.map((fault) => `${where}: ${fault}`));
  return spec;
}
