/** A thread that loads batches of pictures: the set is made anew from the names of its files. */
import { parentPort, workerData } from "node:worker_threads";
import { InputError } from "../../io/faults.ts";
import { augmentation } from "./augment.ts";
import { type BatchAnswer, type BatchRequest, loadBatch, type PictureWork } from "./batches.ts";
import { pictureDataset } from "./images.ts";

const { pictures, augment, seed } = workerData as PictureWork;
const imagesOf = augmentation(pictureDataset(pictures), augment, seed);

parentPort?.on("message", ({ epoch, indices, pixels }: BatchRequest) => {
  parentPort?.postMessage(answerTo(() => loadBatch(imagesOf(epoch), indices, pixels)));
});

function answerTo(load: () => void): BatchAnswer {
  try {
    load();
    return null;
  } catch (error) {
    return error instanceof InputError ? { faults: error.faults } : { message: (error as Error).message };
  }
}
