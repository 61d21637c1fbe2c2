/** Whether the process that wrote a file still runs. */
import { readFileSync, readlinkSync } from "node:fs";

/** Field of /proc/ID/stat, counted behind the name in parentheses, that tells when a process started. */
const START_FIELD = 19;

/** Whether a process with this number runs on this host. */
export function isRunning(id: number): boolean {
  try {
    process.kill(id, 0);
    return true;
  } catch (cause) {
    // A process of another user may not be signalled, but it runs.
    return (cause as NodeJS.ErrnoException).code === "EPERM";
  }
}

/** When a process started, in ticks of the system: another process may have its number by now. Undefined on systems that do not tell. */
export function processStart(id: number): string | undefined {
  try {
    const text = readFileSync(`/proc/${id}/stat`, "latin1");
    return text.slice(text.lastIndexOf(")") + 2).split(" ")[START_FIELD];
  } catch {
    return undefined;
  }
}

/** Where process numbers count: one start of the system, and one container. Empty on systems that do not tell. */
export function processSpace(): { readonly space?: string } {
  try {
    const boot = readFileSync("/proc/sys/kernel/random/boot_id", "latin1").trim();
    return { space: `${boot} ${readlinkSync("/proc/self/ns/pid")}` };
  } catch {
    return {};
  }
}
