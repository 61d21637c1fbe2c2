/**
 * ONNX Runtime Web on its WebAssembly provider, one thread: Cᵀ = Bᵀ·Aᵀ with Aᵀ a constant of the model. That provider
 * copies Bᵀ in and Cᵀ out at every run, which is part of its time here as it is in use.
 */
import { loadPeer } from "./load.ts";
import { matMulModel } from "./onnx-model.ts";
import { type Multiplier, transpose } from "./product.ts";

interface Tensor {
  readonly data: Float32Array;
}

interface Session {
  run(inputs: Readonly<Record<string, Tensor>>): Promise<Record<string, Tensor>>;
}

interface OnnxRuntime {
  readonly env: { readonly versions: { readonly web: string }; readonly wasm: { numThreads?: number } };
  readonly InferenceSession: {
    create(model: Uint8Array, options: { readonly executionProviders: readonly string[] }): Promise<Session>;
  };
  readonly Tensor: new (type: "float32", data: Float32Array, shape: readonly number[]) => Tensor;
}

/** The program, or null when it is not installed. */
export async function onnxruntime(): Promise<Multiplier | null> {
  const ort = loadPeer<OnnxRuntime>("onnxruntime-web");
  if (ort === null) return null;
  ort.env.wasm.numThreads = 1;

  return {
    name: "ort-web",
    version: ort.env.versions.web,
    async prepare({ M, N, K, a, b }) {
      const model = matMulModel(N, K, M, transpose(a, M, K));
      const session = await ort.InferenceSession.create(model, { executionProviders: ["wasm"] });
      const x = new ort.Tensor("float32", transpose(b, K, N), [N, K]);
      let y: Tensor | undefined;
      return {
        async run() {
          y = (await session.run({ x })).y;
        },
        result: async () => transpose(y?.data ?? new Float32Array(), N, M),
      };
    },
  };
}
