import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { expect, it } from "vitest";

function run(program: string, ...args: string[]) {
  const script = join(import.meta.dirname, "..", program);
  return spawnSync(process.execPath, ["--import", "tsx", script, ...args], { encoding: "utf8" });
}

it.each(["crash/main.ts", "fuzz/main.ts", "oracles/validate.ts"])(
  "%s prints its usage where it is asked to",
  (program) => {
    expect(run(program, "--help")).toMatchObject({
      status: 0,
      stdout: expect.stringMatching(/^usage: npm run/),
      stderr: "",
    });
  },
);

it.each([
  ["crash/main.ts", ["--verb", "swep"], /^--verb: unknown verb, got "swep"; did you mean "sweep"\?/],
  ["fuzz/main.ts", ["--count", "1.5"], /^--count: must be an integer of at least 0, got "1.5"/],
  ["fuzz/main.ts", ["--sed", "1"], /^Unknown option '--sed'/],
])("%s refuses %j and says what is valid", (program, args, message) => {
  const { status, stderr } = run(program, ...args);
  expect(stderr).toMatch(message);
  expect(stderr).toContain("usage: npm run");
  expect(status).toBe(2);
});
