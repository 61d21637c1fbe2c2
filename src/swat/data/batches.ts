/**
 * Loads the images of batches. Pictures are read, decoded and augmented in a thread of their own while the step before is
 * computed; what an image looks like depends on seed, epoch and index alone, so that it is the same from any thread.
 */
import { Worker } from "node:worker_threads";
import { InputError } from "../../io/faults.ts";
import { type Augmentation, augmentation } from "./augment.ts";
import type { Dataset, PictureFiles } from "./dataset.ts";

/** Loads batches, one after the other. */
export interface BatchLoader {
  /** Writes images `indices` as they are in an epoch, [batch, C, H, W], into `pixels`. @throws as `Dataset.loadImage`. */
  load(epoch: number, indices: Uint32Array, pixels: Float32Array): Promise<void>;
  /** Begins to load what the next call of `load` asks for. */
  prepare(epoch: number, indices: Uint32Array): void;
  close(): void;
}

/** The images of which a thread makes batches. */
export interface PictureWork {
  readonly pictures: PictureFiles;
  readonly augment: readonly Augmentation[];
  readonly seed: number;
}

/** A batch that a thread is asked for. */
export interface BatchRequest {
  readonly epoch: number;
  readonly indices: Uint32Array;
  /** Where it goes, in shared memory. */
  readonly pixels: Float32Array;
}

/** What a thread answers: what was wrong, null for nothing. */
export type BatchAnswer = { readonly faults: readonly string[] } | { readonly message: string } | null;

const WORKER = new URL("./picture-worker.js", import.meta.url);

/** A loader of the images of `dataset`, varied as `augment` says. @throws InputError as `augmentation`. */
export function batchLoader(dataset: Dataset, augment: readonly Augmentation[], seed: number): BatchLoader {
  const imagesOf = augmentation(dataset, augment, seed);
  const { pictures } = dataset;
  // A thread is a file of its own: sources that run without a build have none.
  const isBuilt = import.meta.url.endsWith(".js");
  if (pictures === undefined || !isBuilt) return loadHere(imagesOf);
  return new ThreadLoader({ pictures, augment, seed }, dataset.channels * dataset.height * dataset.width);
}

/** Writes a batch into `pixels`. */
export function loadBatch(images: Dataset, indices: Uint32Array, pixels: Float32Array): void {
  const size = images.channels * images.height * images.width;
  indices.forEach((index, i) => {
    images.loadImage(index, pixels, i * size);
  });
}

function loadHere(imagesOf: (epoch: number) => Dataset): BatchLoader {
  return {
    load: async (epoch, indices, pixels) => loadBatch(imagesOf(epoch), indices, pixels),
    prepare: () => undefined,
    close: () => undefined,
  };
}

/** A batch that has been asked for. */
interface Pending {
  readonly request: BatchRequest;
  readonly answer: Promise<BatchAnswer>;
}

/** Asks a thread for batches, which come in shared memory. */
class ThreadLoader implements BatchLoader {
  readonly #work: PictureWork;
  readonly #imageSize: number;
  #worker: Worker | null = null;
  #pixels: Float32Array = new Float32Array();
  #next: Pending | null = null;

  constructor(work: PictureWork, imageSize: number) {
    this.#work = work;
    this.#imageSize = imageSize;
  }

  async load(epoch: number, indices: Uint32Array, pixels: Float32Array): Promise<void> {
    if (!this.#isNext(epoch, indices)) {
      await this.#next?.answer;
      this.#next = null;
      this.prepare(epoch, indices);
    }
    const { request, answer } = this.#next as Pending;
    const fault = await answer;
    this.#next = null;
    if (fault !== null) throw "faults" in fault ? new InputError(fault.faults) : new Error(fault.message);
    pixels.set(request.pixels);
  }

  prepare(epoch: number, indices: Uint32Array): void {
    if (this.#next !== null) throw new Error("a batch is being loaded");
    const size = indices.length * this.#imageSize;
    if (this.#pixels.length < size) {
      this.#pixels = new Float32Array(new SharedArrayBuffer(size * Float32Array.BYTES_PER_ELEMENT));
    }
    const request = { epoch, indices: indices.slice(), pixels: this.#pixels.subarray(0, size) };
    this.#next = { request, answer: this.#ask(request) };
  }

  close(): void {
    void this.#worker?.terminate();
    this.#worker = null;
  }

  #isNext(epoch: number, indices: Uint32Array): boolean {
    if (this.#next === null) return false;
    const { request } = this.#next;
    const isSame =
      request.indices.length === indices.length && request.indices.every((index, i) => index === indices[i]);
    return request.epoch === epoch && isSame;
  }

  /** The answer never rejects: it may come before anybody waits for it. */
  #ask(request: BatchRequest): Promise<BatchAnswer> {
    const worker = this.#worker ?? new Worker(WORKER, { workerData: this.#work });
    this.#worker = worker;
    return new Promise((resolve) => {
      const settle = (answer: BatchAnswer) => {
        worker.off("message", settle).off("error", fail).off("exit", end);
        // Between batches the thread keeps no process alive.
        worker.unref();
        resolve(answer);
      };
      const fail = (error: Error) => settle({ message: error.message });
      const end = () => settle({ message: "the thread that loads pictures has ended" });
      worker.ref();
      worker.on("message", settle).on("error", fail).on("exit", end);
      worker.postMessage(request);
    });
  }
}
