/** Progress of long work with the time left, on a terminal only; nothing is printed into pipes and files. */
import { Presets, SingleBar } from "cli-progress";

/** A progress bar on stderr; both calls do nothing where stderr is no terminal. */
export interface Progress {
  update(done: number, of: number, note?: string): void;
  stop(): void;
}

/** Starts a bar with a title. */
export function progressBar(title: string): Progress {
  if (!process.stderr.isTTY) return { update() {}, stop() {} };
  const bar = new SingleBar(
    {
      format: `${title} {bar} {percentage} % · {eta_formatted} left {note}`,
      stream: process.stderr,
      hideCursor: true,
      clearOnComplete: true,
      etaBuffer: 20,
    },
    Presets.shades_classic,
  );
  let started = false;
  return {
    update(done, of, note = "") {
      if (!started) bar.start(of, done, { note });
      started = true;
      bar.update(done, { note });
    },
    stop() {
      if (started) bar.stop();
    },
  };
}
