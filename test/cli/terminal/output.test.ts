import { Writable } from "node:stream";
import { expect, it } from "vitest";
import { guardOutput } from "../../../src/cli/terminal/output.ts";

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
  expect(await told("ENOSPC")).toEqual(["ENOSPC: cannot"]);
});
