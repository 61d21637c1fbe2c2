/**
 * Memory of a SIMD build, and how its kernels run in it: over a range of independent units of work, cut into chunks that
 * the calling thread and its helpers take as they come. Units write to places of their own and sum in an order of their
 * own, so that results are the same for any number of threads and any order of chunks.
 */
import { Worker } from "node:worker_threads";
import { loadModule, type ModuleName } from "./module.ts";
import { CONTROL, type HelperData, helperMain, type Kernels } from "./thread.ts";

/** Memory and execution of a SIMD build. */
export interface Runner {
  readonly name: ModuleName;
  readonly memory: WebAssembly.Memory;
  readonly threads: number;
  /** Address of `bytes` zeroed bytes, aligned to 64. Memory may grow: take views after it. */
  allocate(bytes: number): number;
  /** kernel(...args, from, to) over all of [0, units), split among the threads; units must not write to the same place. */
  run(kernel: string, units: number, ...args: number[]): void;
  /** kernel(...args) on the calling thread. */
  call(kernel: string, ...args: number[]): number;
}

const PAGE_BYTES = 65536;
const MAX_PAGES = 65536;
const ALIGNMENT = 64;
/** Chunks that a thread takes of a job, about: more of them even out threads that are held up. */
const CHUNKS_PER_THREAD = 4;
const MAX_ARGUMENTS = (CONTROL.bytes - CONTROL.arguments) / Float64Array.BYTES_PER_ELEMENT;
/** Jobs after which generations repeat. */
const GENERATIONS = 1 << 20;

/** A runner of that build on the calling thread and `threads − 1` helpers, which end with the process. */
export function createRunner(name: ModuleName, threads = 1): Runner {
  const memory = new WebAssembly.Memory({ initial: 16, maximum: MAX_PAGES, shared: true });
  const module = loadModule(name);
  const exports = new WebAssembly.Instance(module, { env: { memory } }).exports as Kernels;
  // Address 0 is never given out.
  let next = ALIGNMENT;
  const runner: Runner = {
    name,
    memory,
    threads,
    allocate(bytes) {
      const address = next;
      next = Math.ceil((address + bytes) / ALIGNMENT) * ALIGNMENT;
      const missing = next - memory.buffer.byteLength;
      if (missing > 0) memory.grow(Math.ceil(missing / PAGE_BYTES));
      return address;
    },
    run: (kernel, units, ...args) => void exports[kernel](...args, 0, units),
    call: (kernel, ...args) => exports[kernel](...args),
  };
  return threads === 1 ? runner : { ...runner, run: withHelpers(runner, module, exports) };
}

/** Starts the helpers; returns how a kernel runs with them. */
function withHelpers(
  { memory, threads, allocate }: Runner,
  module: WebAssembly.Module,
  exports: Kernels,
): Runner["run"] {
  const address = allocate(CONTROL.bytes);
  const kernels = Object.keys(exports);
  const indexOf = new Map(kernels.map((kernel, index) => [kernel, index]));
  const workerData: HelperData = { module, memory, kernels, address, control: CONTROL };
  for (let helper = 1; helper < threads; helper++) {
    // A transpiler that keeps names wraps functions in `__name`.
    const source = `const __name = (f) => f; (${helperMain})(require("node:worker_threads").workerData)`;
    new Worker(source, { eval: true, workerData, execArgv: [] }).unref();
  }
  const words = new Int32Array(memory.buffer, address, CONTROL.words);
  const values = new Float64Array(memory.buffer, address + CONTROL.arguments, MAX_ARGUMENTS);
  const chunkMask = (1 << CONTROL.chunkBits) - 1;
  let generation = 0;

  return (kernel, units, ...args) => {
    const call = exports[kernel];
    const size = Math.ceil(units / (threads * CHUNKS_PER_THREAD));
    const chunks = Math.ceil(units / size);
    if (!(chunks > 1)) {
      call(...args, 0, units);
      return;
    }
    // A helper that is late may read a mixture of two jobs: with no chunk of its generation left it cannot take one.
    generation = (generation + 1) % GENERATIONS;
    Atomics.store(words, CONTROL.next, (generation << CONTROL.chunkBits) | chunkMask);
    words[CONTROL.kernel] = indexOf.get(kernel) as number;
    words[CONTROL.argumentCount] = args.length;
    words[CONTROL.units] = units;
    words[CONTROL.size] = size;
    words[CONTROL.chunks] = chunks;
    values.set(args);
    Atomics.store(words, CONTROL.finished, 0);
    Atomics.store(words, CONTROL.next, generation << CONTROL.chunkBits);
    Atomics.store(words, CONTROL.generation, generation);
    Atomics.notify(words, CONTROL.generation);
    for (;;) {
      const chunk = Atomics.add(words, CONTROL.next, 1) & chunkMask;
      if (chunk >= chunks) break;
      call(...args, chunk * size, Math.min(units, (chunk + 1) * size));
      Atomics.add(words, CONTROL.finished, 1);
    }
    let finished = Atomics.load(words, CONTROL.finished);
    for (let spin = 0; finished < chunks; spin++) {
      if (spin > CONTROL.spins) Atomics.wait(words, CONTROL.finished, finished);
      finished = Atomics.load(words, CONTROL.finished);
    }
    if (words[CONTROL.failed] !== 0) throw new Error(`kernel ${kernel} failed in a helper thread`);
  };
}
