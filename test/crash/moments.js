/**
 * Loaded into the program before it starts. Counts the operations that change files, and at the one with the number `at` ends the
 * process, asks it to end, or lets it find the disk full from there on; of a write, half may have happened. Sets the clock back.
 */
import { writeFileSync } from "node:fs";
import promises from "node:fs/promises";
import { syncBuiltinESMExports } from "node:module";
import { fileURLToPath } from "node:url";
import { isMainThread } from "node:worker_threads";

/** The `Moment` of `crash.ts`. */
const { at, fault, isHalf, counted, clockBack } = JSON.parse(process.env.SWAT_SIM_MOMENT);
let count = 0;

/** Lets `target[name]` count where `isChange` says so; `half` gives the arguments of half of the operation. */
function watch(target, name, { isChange = () => true, half } = {}) {
  const original = target[name];
  target[name] = async function (...args) {
    if (!isChange(args)) return original.apply(this, args);
    count++;
    const isFull = fault === "full" && count >= at && name !== "rename" && name !== "rm";
    const isSignalled = fault !== "full" && count === at;
    if (isHalf && half !== undefined && (isFull || isSignalled)) await original.apply(this, half(args));
    if (isFull) throw Object.assign(new Error("ENOSPC: no space left on device, write"), { code: "ENOSPC" });
    if (isSignalled) process.kill(process.pid, fault);
    return original.apply(this, args);
  };
}

if (isMainThread) {
  const file = await promises.open(fileURLToPath(import.meta.url));
  const handle = Object.getPrototypeOf(file);
  await file.close();
  const firstHalf = (content) => content.slice(0, content.length >> 1);
  const half = ([content, ...rest]) => [firstHalf(content), ...rest];
  watch(promises, "open", { isChange: ([, flags = "r"]) => /[wa+]/.test(flags) });
  watch(promises, "writeFile", { half: ([path, content, ...rest]) => [path, firstHalf(content), ...rest] });
  for (const name of ["rename", "link", "rm", "mkdir", "mkdtemp"]) watch(promises, name);
  for (const name of ["write", "writeFile"]) watch(handle, name, { half });
  for (const name of ["sync", "chmod"]) watch(handle, name);
  syncBuiltinESMExports();
  if (counted !== undefined) process.on("exit", () => writeFileSync(counted, String(count)));
}

if (clockBack !== undefined) {
  const Now = Date;
  globalThis.Date = class extends Now {
    constructor(...parts) {
      super(...(parts.length === 0 ? [Now.now() - clockBack] : parts));
    }
    static now() {
      return Now.now() - clockBack;
    }
  };
}
