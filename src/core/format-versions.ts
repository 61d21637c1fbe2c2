/** Versions of the formats that files have, in one place: their schemas are published under them, and readers check them. */

/** The version of each format that is written; "major.minor". */
export const FORMAT_VERSIONS = {
  "trace-manifest": "1.3",
  "hw-config": "1.0",
  "energy-table": "1.0",
  result: "2.0",
  check: "1.2",
  sweep: "1.0",
  "sweep-point": "1.0",
  "time-to-accuracy-spec": "1.0",
  "time-to-accuracy": "1.0",
} as const;

/** Name of a format. */
export type Format = keyof typeof FORMAT_VERSIONS;

const HOME = "https://swat-sim.dev/schemas/";

/** The `$id` of a published schema: a name, not necessarily an address. */
export function schemaId(format: Format): string {
  return `${HOME}${format}-${FORMAT_VERSIONS[format]}.json`;
}

/** What is wrong with a file's `$schema`, where that is the `$id` of a schema of ours; undefined where nothing is, or it is a path. */
export function schemaFault(given: unknown, format: Format): string | undefined {
  if (typeof given !== "string" || !given.startsWith(HOME)) return undefined;
  const version = given.startsWith(`${HOME}${format}-`) ? /-(\d+\.\d+)\.json$/.exec(given)?.[1] : undefined;
  if (standingOf(version, FORMAT_VERSIONS[format]) === "same") return undefined;
  return `$schema: names another format or version, got ${JSON.stringify(given.slice(0, 100))}; valid: ${schemaId(format)}`;
}

/** How a version stands to the one that is written: read as it is, with more than is understood, of an older or newer major one, or no version. */
export type VersionStanding = "same" | "newer minor" | "older major" | "newer major" | "none";

/** How `version`, from a file, stands to `ours`. */
export function standingOf(version: unknown, ours: string): VersionStanding {
  const parts = typeof version === "string" ? /^(\d{1,6})\.(\d{1,6})$/.exec(version) : null;
  if (parts === null) return "none";
  const [major, minor] = parts.slice(1).map(Number);
  const [ourMajor, ourMinor] = ours.split(".").map(Number);
  if (major !== ourMajor) return major < ourMajor ? "older major" : "newer major";
  return minor > ourMinor ? "newer minor" : "same";
}
