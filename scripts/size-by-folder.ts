/**
 * Prints the lines of TypeScript in every folder of `src`, and the change against another revision, as a Markdown table:
 *
 *     npx tsx scripts/size-by-folder.ts [REVISION]    (default: main)
 */
import { execFileSync } from "node:child_process";

const [revision = "main"] = process.argv.slice(2);
const now = linesByFolder();
const before = linesByFolder(revision);

console.log(`| folder | lines | against ${revision} |\n|---|--:|--:|`);
for (const folder of [...new Set([...now.keys(), ...before.keys()])].sort()) {
  print(folder, now.get(folder) ?? 0, before.get(folder) ?? 0);
}
print("**all**", sum(now), sum(before));

function print(name: string, lines: number, linesBefore: number): void {
  const change = lines - linesBefore;
  console.log(`| ${name} | ${lines} | ${change > 0 ? "+" : ""}${change} |`);
}

/** Lines of the tracked files by folder, two levels deep, of the working tree or of a revision. */
function linesByFolder(at?: string): Map<string, number> {
  const listed = git("grep", "-c", "", ...(at === undefined ? [] : [at]), "--", "src/*.ts");
  const lines = new Map<string, number>();
  for (const line of listed.trimEnd().split("\n")) {
    const [count, path] = line.split(":").reverse();
    const folder = path.split("/").slice(0, -1).slice(0, 3).join("/");
    lines.set(folder, (lines.get(folder) ?? 0) + Number(count));
  }
  return lines;
}

function sum(lines: ReadonlyMap<string, number>): number {
  return [...lines.values()].reduce((total, count) => total + count, 0);
}

function git(...args: string[]): string {
  return execFileSync("git", args, { encoding: "utf8" });
}
