import { describe, expect, it } from "vitest";
import { accounts, STUDY_VERSION, type StudyMethod, type StudyResult } from "../../../src/report/whole-run/result.ts";
import { studyNotes } from "../../../src/report/whole-run/tables.ts";

/** A method on one machine with this speed-up of its run, and to the accuracy of dense training. */
function method(label: string, run: number | null, arrival: number | null): StudyMethod {
  const inAll = accounts(() => arrival);
  return {
    ...{ label, method: label, seeds: [1], diverged: 0, finalAccuracy: 0.5, footprint: null },
    machines: [
      {
        machine: "array",
        seconds: accounts(() => ({ value: 1, ci95: 0 })),
        speedup: accounts(() => (run === null ? null : { value: run, ci95: 0 })),
        toAccuracy: [{ margin: 0, accuracy: 0.5, reached: 1, seconds: inAll, speedup: inAll }],
      },
    ],
  };
}

function study(...methods: StudyMethod[]): StudyResult {
  const machines = [{ name: "array", isEqual: true }];
  return {
    ...{ schema: STUDY_VERSION, network: "resnet8", common: "array", machines, notCharged: [], methods, runs: [] },
  };
}

describe("notes below the table of a study", () => {
  const dense = method("dense", 1, 1);

  it.each([
    ["the same method", [dense, method("a", 3, 2)], "a has the fastest steps (3.00 ×) and is the first to reach"],
    ["another method", [dense, method("a", 3, null), method("b", 2, 1.5)], "but b is the first to reach"],
    ["dense training", [dense, method("a", 3, 0.5)], "but no method reaches the accuracy of dense training sooner"],
  ])("say where %s is the first to reach the accuracy of dense training", (_, methods, text) => {
    expect(studyNotes(study(...methods))[0]).toContain(text);
  });

  it("say why there are no speed-ups without dense training", () => {
    const text = "no run of dense training";
    expect(studyNotes(study(method("a", null, null))).join()).toContain(text);
    expect(studyNotes(study(dense)).join()).not.toContain(text);
  });
});
