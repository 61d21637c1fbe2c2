/**
 * TensorFlow.js on its WebAssembly backend (XNNPACK, 128-bit vectors), one thread: Cᵀ = Bᵀ·Aᵀ with both operands on the
 * device. The right operand is the one that it rearranges once and keeps.
 */
import { loadPeer, pathInPeer } from "./load.ts";
import { type Multiplier, transpose } from "./product.ts";

const BACKEND = "@tensorflow/tfjs-backend-wasm";

interface Tensor {
  data(): Promise<Float32Array>;
  dispose(): void;
}

interface TensorFlow {
  readonly version: { readonly tfjs: string };
  setBackend(name: string): Promise<boolean>;
  ready(): Promise<void>;
  env(): { getAsync(flag: string): Promise<boolean> };
  tensor2d(values: Float32Array, shape: readonly [number, number]): Tensor;
  matMul(a: Tensor, b: Tensor): Tensor;
}

interface WasmBackend {
  setWasmPaths(folder: string): void;
  setThreadsCount(threads: number): void;
}

/** The program, or null when it is not installed. @throws Error when it has no vector instructions here. */
export async function tfjs(): Promise<Multiplier | null> {
  const tf = loadPeer<TensorFlow>("@tensorflow/tfjs");
  const backend = loadPeer<WasmBackend>(BACKEND);
  if (tf === null || backend === null) return null;
  backend.setWasmPaths(pathInPeer(BACKEND, "dist/"));
  backend.setThreadsCount(1);
  await tf.setBackend("wasm");
  await tf.ready();
  if (!(await tf.env().getAsync("WASM_HAS_SIMD_SUPPORT"))) {
    throw new Error("tfjs-wasm: no SIMD, a comparison would be unfair");
  }

  return {
    name: "tfjs-wasm",
    version: tf.version.tfjs,
    async prepare({ M, N, K, a, b }) {
      const activations = tf.tensor2d(transpose(b, K, N), [N, K]);
      const weights = tf.tensor2d(transpose(a, M, K), [K, M]);
      let last: Tensor | undefined;
      return {
        run() {
          last?.dispose();
          last = tf.matMul(activations, weights);
        },
        result: async () => transpose((await last?.data()) ?? new Float32Array(), N, M),
      };
    },
  };
}
