import { Writable } from "node:stream";
import { expect, it } from "vitest";
import { guardOutput, printParts } from "../../../src/cli/terminal/output.ts";

/** What is told of a stream that takes nothing, in three lines. */
async function told(code: string): Promise<string[]> {
  const messages: string[] = [];
  const stream = new Writable({
    // As stdout, which is never destroyed.
    autoDestroy: false,
    write: (_chunk, _encoding, done) => done(Object.assign(new Error(`${code}: cannot`), { code })),
  });
  guardOutput(stream, (message) => messages.push(message));
  for (let line = 0; line < 3; line++) stream.write("line\n");
  await new Promise((done) => setImmediate(done));
  return messages;
}

it("a closed pipe is silent, and the program goes on", async () => {
  expect(await told("EPIPE")).toEqual([]);
});

it("a full disk is told once", async () => {
  expect(await told("ENOSPC")).toEqual(["the disk is full; valid: free some of it, or another disk (ENOSPC)"]);
});

it("parts are printed as fast as the reader takes them, and no more once it has gone", async () => {
  let made = 0;
  function* parts() {
    for (; made < 1000; made++) yield "x".repeat(2 ** 15);
  }
  const taken: number[] = [];
  const slow = new Writable({
    highWaterMark: 2 ** 16,
    write: (chunk, _encoding, done) => {
      taken.push(chunk.length);
      if (taken.length === 20) done(Object.assign(new Error("closed"), { code: "EPIPE" }));
      else setImmediate(done);
    },
  });
  guardOutput(slow, () => {});
  await printParts(parts(), slow);
  expect(taken.length).toBe(20);
  // What was made and not taken fits the buffer.
  expect(made).toBeLessThan(24);
});
