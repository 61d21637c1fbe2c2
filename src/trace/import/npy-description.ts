/** The description beside a folder of arrays: what `importNpyFolder` cannot see in them. */
import { type Static, Type } from "../../core/input/schema.ts";

/** Name of the description beside the arrays. */
export const DESCRIPTION_FILE = "layers.json";

const strict = { additionalProperties: false };
const positive = Type.Integer({ minimum: 1 });
const whole = Type.Integer({ minimum: 0 });
const steps = Type.Union([positive, Type.Tuple([positive, positive])], {
  description: "both, or [vertical, horizontal]",
});
const files = Type.Optional(
  Type.Union([Type.String(), Type.Array(Type.String(), { minItems: 1 })], {
    description: "file, or several that follow each other along the first dimension",
  }),
);
const shape = Type.Optional(Type.Array(positive, { minItems: 1 }));

const LayerSchema = Type.Object(
  {
    name: Type.String({ minLength: 1 }),
    stride: Type.Optional(steps),
    padding: Type.Optional(
      Type.Union([whole, Type.Tuple([whole, whole]), Type.Tuple([whole, whole, whole, whole])], {
        description: "all sides, [vertical, horizontal], or [top, bottom, left, right]",
      }),
    ),
    dilation: Type.Optional(steps),
    groups: Type.Optional(positive),
    inputGrad: Type.Optional(
      Type.Boolean({ description: "whether the pass happens; not in the first layer by default" }),
    ),
    weight: files,
    input: files,
    outputGrad: files,
    shapes: Type.Optional(
      Type.Object(
        { weight: shape, input: shape, outputGrad: shape },
        { ...strict, description: "shapes of masks that are packed, eight elements a byte, C order" },
      ),
    ),
    bitorder: Type.Optional(
      Type.Enum(["big", "little"], { description: "of packed masks, as numpy.packbits names it" }),
    ),
  },
  strict,
);

/** `layers.json`: the layers in order, with what the shapes of their arrays do not say. */
export const DescriptionSchema = Type.Object(
  {
    network: Type.Optional(Type.String()),
    layers: Type.Array(LayerSchema, { minItems: 1, description: "in order of execution" }),
  },
  strict,
);

/** One layer of it. */
export type LayerDescription = Static<typeof LayerSchema>;
