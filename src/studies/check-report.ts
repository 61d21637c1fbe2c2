/** What a check found, for people and for CI: a line and a table for each machine, and JUnit XML. */
import { visible } from "../core/input/visible-text.ts";
import { junitXml } from "../report/junit.ts";
import { plainTable } from "../report/tables/table.ts";
import type { CheckDifference, CheckVerdict } from "./check-comparison.ts";

const PERCENT = 100;

/** Whether a check file would have to be written anew. */
export function isChanged({ recordedVersion, modelVersion, differences }: CheckVerdict): boolean {
  return differences.length > 0 || recordedVersion !== modelVersion;
}

/** What a verdict comes to; under it, where numbers differ, a table of them by op and counter. */
export function verdictText(verdict: CheckVerdict): string {
  const { machine, compared, differences, omitted = 0 } = verdict;
  const changed = changedModel(verdict);
  if (differences.length === 0) return `${machine}: ${compared} counts equal${changed === null ? "" : `; ${changed}`}`;
  const table = plainTable(["op", "counter", "recorded", "now", "change"], 2);
  for (const { op, counter, ...values } of differences) {
    table.push([visible(op), visible(counter), recorded(values), now(values), changeOf(values)]);
  }
  const kind = changed ?? "regression";
  const more = omitted === 0 ? "" : `\n  and ${omitted} more`;
  return `${machine}: ${kind}: ${differences.length + omitted} of ${compared} counts differ\n${table}${more}`;
}

/** JUnit XML: a suite for each machine, a case for each op of each trace. */
export function checkXml(verdicts: readonly CheckVerdict[]): string {
  return junitXml(
    "swat-sim check",
    verdicts.map((verdict) => {
      const type = changedModel(verdict) ?? "regression";
      const differences = new Map(verdict.ops.map((op): [string, CheckDifference[]] => [op, []]));
      for (const difference of verdict.differences) differences.get(difference.op)?.push(difference);
      const cases = [...differences].map(([name, found]) => {
        if (found.length === 0) return { name };
        const details = found.map((values) => `${values.counter}: ${recorded(values)} → ${now(values)}`);
        const message = found.length === 1 ? details[0] : `${found.length} counts differ`;
        return { name, failure: { type, message, details } };
      });
      return { name: verdict.machine, cases };
    }),
  );
}

function changedModel({ recordedVersion, modelVersion }: CheckVerdict): string | null {
  return modelVersion > recordedVersion ? `model changed: version ${recordedVersion} to ${modelVersion}` : null;
}

type Values = Pick<CheckDifference, "expected" | "actual">;

function recorded({ expected }: Values): string {
  return String(expected ?? "not recorded");
}

function now({ actual }: Values): string {
  return String(actual ?? "gone");
}

function changeOf({ expected, actual }: Values): string {
  if (expected === undefined || actual === undefined || expected === 0) return "";
  const change = Number((((actual - expected) / Math.abs(expected)) * PERCENT).toPrecision(2));
  return `${change < 0 ? "" : "+"}${change} %`;
}
