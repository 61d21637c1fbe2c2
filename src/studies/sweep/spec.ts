/** What to sweep: machines, traces or settings of synthetic ones, and which of their fields take which values. */

import { MOST_AXIS_VALUES } from "../../core/input/limits.ts";
import { type Schema, type Static, Type } from "../../core/input/schema.ts";
import { checkNamedSchema, checkSchema, faultCollector, InputError, refusing, unknownName } from "../../io/faults.ts";
import { precompiled } from "../../io/validators/program.ts";
import { networkNamed } from "../../networks/index.ts";
import {
  isOfSynthetic,
  SYNTHETIC,
  SYNTHETIC_FIELDS,
  type SyntheticTraceSettings,
  settingProperties,
} from "./synthetic.ts";

const MOST_CHARACTERS = 1000;

const axisOf = (value: Schema) => Type.Array(value, { minItems: 1, maxItems: MOST_AXIS_VALUES, uniqueItems: true });
const Grid = Type.Object(settingProperties(`${SYNTHETIC}.`, axisOf), {
  additionalProperties: axisOf(Type.Unknown()),
  minProperties: 1,
  description:
    "Values by field, as `params.rows` or `synthetic.sparsity`; all combinations. null leaves a field of a config out.",
});
const Values = Type.Object(settingProperties(`${SYNTHETIC}.`), {
  additionalProperties: Type.Unknown(),
  minProperties: 1,
});

/** A sweep as its file says it. */
export const SweepSpecSchema = Type.Object(
  {
    $schema: Type.Optional(Type.String({ description: "For editors." })),
    machines: Type.Array(Type.String(), {
      minItems: 1,
      uniqueItems: true,
      description: "Names of shipped machines, or paths of configs; the fields change them.",
    }),
    modules: Type.Optional(
      Type.Array(Type.String(), {
        uniqueItems: true,
        description: "Paths of modules with accelerators that configs name (.js).",
      }),
    ),
    baseline: Type.Optional(
      Type.String({
        description:
          "Name or path of the dense machine that points are compared with, in place of dadiannao-4096 for its equals and their own dense counterpart for others.",
      }),
    ),
    allowUnequal: Type.Optional(
      Type.Boolean({ description: "Whether the baseline may differ from a point in peak, clock, datatype or memory." }),
    ),
    traces: Type.Optional(
      Type.Array(Type.String(), {
        minItems: 1,
        uniqueItems: true,
        description:
          "Paths of recorded steps; or give them as the field `trace` of the grid or the list, or give `synthetic`.",
      }),
    ),
    synthetic: Type.Optional(
      Type.Unsafe<Partial<SyntheticTraceSettings>>(
        Type.Object(settingProperties(), {
          additionalProperties: false,
          description:
            "Settings of `swat-sim trace synth`, in place of traces; fields as `synthetic.sparsity` change them.",
        }),
      ),
    ),
    grid: Type.Optional(Type.Unsafe<Record<string, readonly unknown[]>>(Grid)),
    list: Type.Optional(
      Type.Array(Type.Unsafe<Record<string, unknown>>(Values), {
        minItems: 1,
        description: "Values by field, taken together; each with the whole grid.",
      }),
    ),
    constraints: Type.Optional(
      Type.Array(Type.String({ minLength: 1, maxLength: MOST_CHARACTERS }), {
        description: "Conditions that a point has to meet, as `lanes * rows * columns * tiles == 4096`.",
      }),
    ),
  },
  { additionalProperties: false },
);
precompiled(SweepSpecSchema);

/** A checked spec. */
export type SweepSpec = Static<typeof SweepSpecSchema>;

/** The field that names a trace. */
export const TRACE = "trace";

const NETWORK = `${SYNTHETIC}.network`;

/** Whether the traces of a spec are synthetic. */
export function isSynthetic(spec: SweepSpec): boolean {
  return spec.synthetic !== undefined || sweptFields(spec).some(isOfSynthetic);
}

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
  return refusing(where, () => checkedSpec(value, where));
}

function checkedSpec(value: unknown, where: string): SweepSpec {
  checkNamedSchema(value, "sweep", where);
  const spec = checkSchema(SweepSpecSchema, value, where);
  const { traces, list = [], grid = {} } = spec;
  const faults: string[] = [];
  const twice = Object.keys(grid).filter((field) => list.some((values) => Object.hasOwn(values, field)));
  for (const field of twice) faults.push(`grid.${field}: is also in the list; valid: one of the two`);

  const isGiven = [traces !== undefined, isSwept(spec, TRACE), isSynthetic(spec)].filter(Boolean).length;
  if (isGiven !== 1 || (isSwept(spec, TRACE) && !isSweptEverywhere(spec, TRACE))) {
    faults.push(
      'needs "traces", or the field "trace" in the grid or in every entry of the list, or "synthetic", and one of these only',
    );
  } else if (isSynthetic(spec)) {
    faults.push(...syntheticFaults(spec));
  }
  for (const path of tracesOfSpec(spec)) {
    if (typeof path !== "string") faults.push(`${TRACE}: must be a path, got ${JSON.stringify(path)}`);
  }
  if (faults.length > 0) throw new InputError(faults.map((fault) => `${where}: ${fault}`));
  return spec;
}

/** What a schema cannot say: which fields there are, that there is a network, and which networks. */
function syntheticFaults(spec: SweepSpec): string[] {
  const { synthetic = {}, list = [], grid = {} } = spec;
  const unknown = sweptFields(spec).filter((field) => isOfSynthetic(field) && !SYNTHETIC_FIELDS.includes(field));
  const faults = unknown.map((field) => `${field}: ${unknownName("field", field, SYNTHETIC_FIELDS)}`);
  if (synthetic.network === undefined && !isSweptEverywhere(spec, NETWORK)) {
    faults.push(
      `${SYNTHETIC}: missing key "network"; valid: there, or "${NETWORK}" in the grid or in every entry of the list`,
    );
  }
  const named = [
    [NETWORK, synthetic.network] as const,
    ...list.map((values, index) => [`list.${index}.${NETWORK}`, values[NETWORK]] as const),
    ...(grid[NETWORK] ?? []).map((value, index) => [`grid.${NETWORK}.${index}`, value] as const),
  ];
  for (const [path, network] of named) {
    const { faults: ofName, attempt } = faultCollector();
    if (network !== undefined) attempt(() => networkNamed(network as string));
    faults.push(...ofName.map((fault) => `${path}: ${fault}`));
  }
  return faults;
}

function isSwept({ list = [], grid = {} }: SweepSpec, field: string): boolean {
  return [grid, ...list].some((values) => Object.hasOwn(values, field));
}

function isSweptEverywhere({ list = [], grid = {} }: SweepSpec, field: string): boolean {
  return Object.hasOwn(grid, field) || (list.length > 0 && list.every((values) => Object.hasOwn(values, field)));
}
