/** A thread of a sweep: simulates the points that it is sent and tells each of them. */
import { parentPort, workerData } from "node:worker_threads";
import { type PointSources, pointRunner } from "./point-runner.ts";
import type { PlannedPoint } from "./points.ts";

const run = await pointRunner(workerData as PointSources);
const port = parentPort as NonNullable<typeof parentPort>;

port.on("message", async (points: readonly PlannedPoint[]) => {
  for (const point of points) port.postMessage({ index: point.index, ...(await run(point)) });
  port.postMessage("ready");
});
port.postMessage("ready");
