import { describe, expect, it } from "vitest";
import { memorySource } from "../../src/io/byte-source.ts";
import { openTrace } from "../../src/trace/trace.ts";
import { verifyTrace } from "../../src/trace/verify.ts";
import { count, damaged, MASKS, NAME, type Parts } from "../support/hand-made.ts";

const open = (bytes: Uint8Array) => openTrace(memorySource(NAME, bytes));

describe("verifying reads what opening does not", () => {
  it.each<[string, (parts: Parts) => void, string[]]>([
    [
      "nonzeros that differ from the ones of the mask",
      (p) => (p.manifest.tensors[2].nonzeros = 5),
      [`tensor "w": mask has ${count(MASKS.weight)} ones, got nonzeros 5`],
    ],
    [
      "bits after the last element of a slice",
      (p) => {
        // Element 12 of filter 1, which has elements 0 to 11.
        p.stored["w.mask"].bytes[3] += 2 ** 4;
        p.manifest.tensors[2].nonzeros += 1;
      },
      ['tensor "w": bits beyond the end of slice 1 are set'],
    ],
    [
      "a top-k mask that keeps an activation zero",
      (p) => {
        // Element 0 of image 0 is an activation zero: (0 · 7 + 0) mod 3 = 0.
        p.stored["xs.mask"].bytes[0] += 1;
        p.manifest.tensors[1].nonzeros += 1;
      },
      ['tensor "xs": 1 elements are kept that are zero in "x"'],
    ],
    [
      "a dense selection of a tensor with activation zeros",
      (p) => {
        p.manifest.tensors[1] = { id: "xs", role: "savedActivation", shape: [2, 3, 3, 3], nonzeros: 54, within: "x" };
      },
      ['tensor "xs": 18 elements are kept that are zero in "x"'],
    ],
  ])("%s", async (_, damage, faults) => {
    const found = await verifyTrace(await open(damaged(damage)));
    expect(found).toEqual(faults.map((fault) => `${NAME}: ${fault}`));
  });
});
