import { expect, test } from "vitest";
import { createBackend, isSupported } from "../../src/kernels/index.ts";

test("the default is the fastest build that rounds alike everywhere", () => {
  expect(isSupported("js") && isSupported("reference")).toBe(true);
  expect(createBackend(undefined, 1).name).toBe(isSupported("simd") ? "simd" : "js");
  expect(createBackend("reference").name).toBe("reference");
});

test("an unknown build is refused and the known ones are named", () => {
  expect(() => createBackend("cuda")).toThrow(
    'kernels: unknown kernel build, got "cuda"; known: reference, js, simd, relaxed',
  );
});
