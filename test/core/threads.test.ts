import { expect, it } from "vitest";
import { usefulThreads } from "../../src/core/threads.ts";

it("threads are started as asked for, up to four a core", () => {
  expect([1, 3, 8, 9, 5000].map((asked) => usefulThreads(asked, 2))).toEqual([1, 3, 8, 8, 8]);
});
