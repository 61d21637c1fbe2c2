/** Copies of golden cases that a test may alter. */
import { cp, mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";

const GOLDEN = join(import.meta.dirname, "../golden");

/** Copies the cases `names` of an oracle into a folder in `root`, with an index of these and of `further` entries. */
export async function copyCases(
  root: string,
  oracle: string,
  names: readonly string[],
  further: readonly unknown[] = [],
): Promise<string> {
  const dir = join(root, oracle);
  await mkdir(dir, { recursive: true });
  const index = JSON.parse(await readFile(join(GOLDEN, oracle, "index.json"), "utf8"));
  const cases = names.map((name) => {
    const found = index.cases.find((one: Record<string, string>) => [one.name, one.id, one.file].includes(name));
    if (found === undefined) throw new Error(`no case ${name} of ${oracle}`);
    return found;
  });
  for (const file of await readdir(join(GOLDEN, oracle))) {
    const isOfCase = ({ name, id, file: own }: Record<string, string>) =>
      file === own || file.startsWith(`${name ?? id}.`);
    if (cases.some(isOfCase)) await cp(join(GOLDEN, oracle, file), join(dir, file));
  }
  await writeFile(join(dir, "index.json"), JSON.stringify({ ...index, cases: [...cases, ...further] }));
  return dir;
}

/** Reads, alters and writes back a JSON file. */
export async function alterJson<Content>(path: string, alter: (content: Content) => unknown): Promise<void> {
  await writeFile(path, JSON.stringify(alter(JSON.parse(await readFile(path, "utf8")) as Content)));
}
