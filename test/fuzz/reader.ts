/** The process of `npm run fuzz` that reads the files. It writes down which one it is about to read: nothing else is left where that kills it. */
import { openSync, writeSync } from "node:fs";
import { FileFuzzer } from "./fuzz-files.ts";
import type { Message } from "./main.ts";

const { kind, seed, first, end, place } = JSON.parse(process.argv[2]);
const fuzzer = await FileFuzzer.of(kind);
const tell = (message: Message) => process.send?.(message);
const file = openSync(place, "r+");
let answered = 0;
for (let index = first; index < end; index++) {
  writeSync(file, String(index), 0);
  const { isAnswered, fault } = await fuzzer.verdict(seed, index);
  if (isAnswered) answered++;
  if (fault !== undefined) tell({ index, fault });
}
tell({ read: end - first, answered });
process.disconnect?.();
