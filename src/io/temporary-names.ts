/** Names of what is only there while a process works: they say whose it is, so that others remove what the dead left. */
import { randomBytes } from "node:crypto";
import { hostname } from "node:os";
import { isRunning } from "./processes.ts";

const HOST = hostname()
  .replace(/[^\w-]/g, "_")
  .slice(0, 32);
/** Host and process, then what nobody can guess. */
const TEMPORARY = /^swat-sim\.([\w-]*)\.(\d+)\.\w+(\.partial)?$/;

/** With what names of this process begin. */
export function temporaryPrefix(): string {
  return `swat-sim.${HOST}.${process.pid}.`;
}

/** A name of its own for a file, so that it fits wherever the name of the file does that it becomes. */
export function temporaryName(): string {
  return `${temporaryPrefix()}${randomBytes(8).toString("hex")}.partial`;
}

/** Whether a process of this host that is dead has left the file of this name unfinished, or, without `.partial`, the folder. */
export function isLeftBehind(name: string, kind: "file" | "folder"): boolean {
  const [, host, writer, partial] = TEMPORARY.exec(name) ?? [];
  return host === HOST && (partial !== undefined) === (kind === "file") && !isRunning(Number(writer));
}
