/**
 * Trains a small network with SWAT on generated images, records its last step, and replays it on two machines.
 *
 *     node examples/train-and-simulate.js [FOLDER]
 */
import { resultTable, simulate, train } from "swat-sim";

const { testAccuracy, traces } = await train(
  {
    out: process.argv[2] ?? "out/example",
    network: "resnet8",
    limit: 256,
    testLimit: 100,
    record: "last",
    settings: { method: "swat-u", sparsity: 0.9, epochs: 1 },
  },
  { onProgress: ({ step, steps, loss }) => console.error(`step ${step} of ${steps}: loss ${loss.toFixed(3)}`) },
);
console.log(`test accuracy ${testAccuracy}, recorded ${traces.join(", ")}`);

const result = await simulate({ traces, machines: ["tensordash-4096", "bit-tactical-4096"] });
console.log(resultTable(result));
