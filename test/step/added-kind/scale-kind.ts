/** A kind of layer from outside, y = s_c · x with a trained scale for each channel: its row of the table. */
import { addLayerKind } from "../../../src/step/layer-kinds.ts";

declare module "../../../src/networks/graph.ts" {
  interface NodeFields {
    /** Of every channel, before training. */
    scale: { readonly initial: number };
  }
}

addLayerKind("scale", {
  reads: "input",
  parameters: ({ name, shape: [channels] }) => [{ name: `${name}.scale`, shape: [channels] }],
  keepsZeros: true,
});
