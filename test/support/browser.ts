/** The Chromium of the system, for tests of what runs in a browser; they are skipped where there is none. */
import { existsSync } from "node:fs";
import { type Browser, chromium } from "playwright-core";

const PROGRAMS = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];
const executablePath = [process.env.SWAT_SIM_CHROMIUM ?? "", ...PROGRAMS].find((path) => existsSync(path));

/** Why tests are skipped where `launchChromium` gives nothing. */
export const NO_CHROMIUM = `no Chromium at SWAT_SIM_CHROMIUM, ${PROGRAMS.join(", ")}`;

/** Starts it; undefined where there is none. */
export async function launchChromium(): Promise<Browser | undefined> {
  if (executablePath === undefined) return undefined;
  // The sandbox of Chromium refuses to run as root, as in containers.
  return chromium.launch({ executablePath, args: ["--no-sandbox"] });
}
