import { expect, test } from "vitest";
import { selectKernels } from "../../src/kernels/index.ts";

test("the js build is the default", () => {
  expect(selectKernels().name).toBe("js");
  expect(selectKernels("reference").name).toBe("reference");
});

test("an unknown build is refused and the known ones are named", () => {
  expect(() => selectKernels("cuda")).toThrow(
    'SWAT_SIM_KERNELS: unknown kernel build, got "cuda"; known: reference, js',
  );
});
