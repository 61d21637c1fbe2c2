/** The JSON Schemas that are published for editors and for programs in other languages, made from the declarations. */
import { type Format, schemaId } from "../core/format-versions.ts";
import { SweepPointSchema } from "../report/sweep/sweep-points.ts";
import { StudySchema } from "../report/whole-run/result.ts";
import { EnergyTableSchema } from "../sim/energy/table.ts";
import type { Accelerator } from "../sim/hardware/accelerator.ts";
import { HardwareConfigSchema } from "../sim/hardware/machine.ts";
import { ResultSchema } from "../sim/result/result.ts";
import { MacOpSchema, ManifestSchema, OtherOpSchema } from "../trace/manifest.ts";
import { CheckSchema } from "./check.ts";
import { SweepSpecSchema } from "./sweep/spec.ts";
import { StudySpecSchema } from "./whole-run/spec.ts";

const DIALECT = "http://json-schema.org/draft-07/schema#";

/** File name → schema. */
export function publishedSchemas(accelerators: Readonly<Record<string, Accelerator>>): Record<string, object> {
  const manifest = structuredClone(ManifestSchema) as { properties: { ops: { items: object } } };
  manifest.properties.ops.items = { anyOf: [MacOpSchema, OtherOpSchema] };
  const config = {
    ...defaultsOptional(HardwareConfigSchema),
    allOf: Object.values(accelerators).map(({ id, params }) => ({
      if: { properties: { accelerator: { const: id } } },
      // biome-ignore lint/suspicious/noThenProperty: a keyword of JSON Schema
      then: { properties: { params: defaultsOptional(params) } },
    })),
  };
  const schemas: Readonly<Record<Format, readonly [title: string, schema: object]>> = {
    "trace-manifest": ["trace manifest", manifest],
    "hw-config": ["hardware config", config],
    "energy-table": ["energy table", EnergyTableSchema],
    result: ["result", ResultSchema],
    check: ["check file", CheckSchema],
    sweep: ["sweep", SweepSpecSchema],
    "sweep-point": ["point of a sweep", SweepPointSchema],
    "time-to-accuracy-spec": ["study of whole runs", StudySpecSchema],
    "time-to-accuracy": ["result of a study of whole runs", StudySchema],
  };
  return Object.fromEntries(
    Object.entries(schemas).map(([format, [title, schema]]) => [
      `${format}.schema.json`,
      { $schema: DIALECT, $id: schemaId(format as Format), title: `swat-sim ${title}`, ...schema },
    ]),
  );
}

/** A field with a default is filled in when a file leaves it out: a copy of the schema that does not require it. */
function defaultsOptional<Schema extends object>(schema: Schema): Schema {
  return JSON.parse(JSON.stringify(schema), (_, node) => {
    if (!Array.isArray(node?.required)) return node;
    const required = node.required.filter((key: string) => node.properties[key].default === undefined);
    return { ...node, required };
  }) as Schema;
}
