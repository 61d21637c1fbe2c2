/**
 * How much of a training step a trace holds. A recorder lists what it could not record (`unrecorded`), and whether the step
 * accumulated gradients over more micro-batches than are recorded; MACs here are of the shapes alone, image padding included, as
 * tables of papers count them.
 */

import { outputHeight, outputWidth } from "../core/geometry.ts";
import { type Static, Type } from "../core/input/schema.ts";
import { PASSES, type Pass } from "../core/passes.ts";
import { isMacOp, type MacOp, type TraceManifest, type UnrecordedOp } from "./manifest.ts";

const strict = { additionalProperties: false };
const count = (description: string) => Type.Integer({ minimum: 0, description });
const PassCoverage = Type.Object(
  { recorded: count("MACs of recorded ops"), unrecorded: count("MACs of unrecorded ops, estimated from their shapes") },
  strict,
);

/** What a result says of an incomplete step. */
export const CoverageSchema = Type.Object(
  {
    macs: Type.Object({ forward: PassCoverage, inputGrad: PassCoverage, weightGrad: PassCoverage }, strict),
    unknownMacs: count("unrecorded ops whose MACs are not known, so that `macs.*.unrecorded` is a lower bound"),
    unrecorded: Type.Array(
      Type.Object(
        {
          kind: Type.String({ description: "as the recorder names it" }),
          count: count("ops of this kind"),
          bytesRead: count("by their forward passes"),
          bytesWritten: count("by their forward passes"),
        },
        strict,
      ),
      { description: "What is not recorded, most MACs first." },
    ),
    microBatches: Type.Optional(
      Type.Object(
        { recorded: count("micro-batches in the trace"), of: count("micro-batches of the optimizer step") },
        strict,
      ),
    ),
  },
  { ...strict, description: "Only of an incomplete step: what its trace lacks." },
);

/** What an incomplete step lacks. */
export type Coverage = Static<typeof CoverageSchema>;

/** The coverage of a step; undefined for a complete one. */
export function coverageOf(manifest: TraceManifest): Coverage | undefined {
  const { unrecorded = [], microBatches, ops } = manifest;
  const isPartial = microBatches !== undefined && microBatches.recorded < microBatches.of;
  if (unrecorded.length === 0 && !isPartial) return undefined;
  const recorded = ops.filter(isMacOp);
  const passOf = (pass: Pass) => ({
    recorded: sum(recorded.filter((op) => op.pass === pass).map(macsOf)),
    unrecorded: sum(unrecorded.map(({ macs }) => macs?.[pass] ?? 0)),
  });
  const macs = { forward: passOf("forward"), inputGrad: passOf("inputGrad"), weightGrad: passOf("weightGrad") };
  return {
    macs,
    unknownMacs: unrecorded.filter(({ macs }) => macs === undefined).length,
    unrecorded: byKind(unrecorded),
    ...(isPartial ? { microBatches } : {}),
  };
}

/** Recorded MACs of all passes as a share of those of the step, 0..1; an upper bound where MACs are not known. */
export function recordedShare({ macs }: Coverage): number {
  const total = (of: "recorded" | "unrecorded") => sum(PASSES.map((pass) => macs[pass][of]));
  const recorded = total("recorded");
  return recorded === 0 ? 0 : recorded / (recorded + total("unrecorded"));
}

/** One phrase: "69 % of the forward MACs are recorded; not recorded: 2 × conv_transpose2d, 1 × lstm". */
export function coverageText({ macs, unknownMacs, unrecorded, microBatches }: Coverage): string {
  const parts: string[] = [];
  if (unrecorded.length > 0) {
    const pass = PASSES.find((each) => macs[each].unrecorded > 0) ?? "forward";
    const { recorded, unrecorded: missing } = macs[pass];
    const bound = unknownMacs > 0 ? "at most " : "";
    parts.push(`${bound}${wholePercent(recorded, recorded + missing)} of the ${pass} MACs are recorded`);
    parts.push(`not recorded: ${unrecorded.map(({ kind, count }) => `${count} × ${kind}`).join(", ")}`);
  }
  if (microBatches !== undefined) {
    parts.push(`${microBatches.recorded} of ${microBatches.of} micro-batches of the optimizer step`);
  }
  return parts.join("; ");
}

/** Rounded down, so that what is incomplete is never 100 %. */
function wholePercent(part: number, whole: number): string {
  if (part === whole) return "100 %";
  const percent = Math.floor((100 * part) / whole);
  return percent === 0 && part > 0 ? "less than 1 %" : `${percent} %`;
}

function byKind(ops: readonly UnrecordedOp[]): Coverage["unrecorded"] {
  const kinds = new Map<string, { macs: number; entry: Coverage["unrecorded"][number] }>();
  for (const { kind, macs, bytesRead, bytesWritten } of ops) {
    const known = kinds.get(kind) ?? { macs: 0, entry: { kind, count: 0, bytesRead: 0, bytesWritten: 0 } };
    kinds.set(kind, known);
    known.macs += sum(PASSES.map((pass) => macs?.[pass] ?? 0));
    known.entry.count++;
    known.entry.bytesRead += bytesRead;
    known.entry.bytesWritten += bytesWritten;
  }
  return [...kinds.values()].sort((a, b) => b.macs - a.macs).map(({ entry }) => entry);
}

function macsOf({ geometry: g }: MacOp): number {
  return g.N * g.K * (g.C / g.groups) * g.R * g.S * outputHeight(g) * outputWidth(g);
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
