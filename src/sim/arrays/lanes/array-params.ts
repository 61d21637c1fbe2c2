/**
 * Parameters that the machines of lanes × rows × columns × tiles share: the size of the array, and the two rules that must
 * be the same for a machine and its baseline.
 */
import { Type } from "typebox";
import type { Dealing } from "./tile-dispatch.ts";

/** Schema properties of an array, to be spread into the schema of a machine's `params`. */
export const arrayParams = {
  lanes: Type.Integer({
    minimum: 1,
    maximum: 32,
    default: 16,
    description: "Multipliers of a processing element; they reduce over channels (weightGrad: output positions)",
  }),
  rows: Type.Integer({ minimum: 1, maximum: 4096, default: 16, description: "Rows of processing elements of a tile" }),
  columns: Type.Integer({
    minimum: 1,
    maximum: 4096,
    default: 16,
    description: "Columns of processing elements of a tile",
  }),
  tiles: Type.Integer({ minimum: 1, maximum: 4096, default: 1, description: "Tiles" }),
  batch: Type.Enum(["image", "fold"], {
    default: "image",
    description:
      '"image": images run one after the other; "fold": the windows (weightGrad: positions) of all images form one stream',
  }),
  dealing: Type.Enum(["filters", "sets"], {
    default: "filters",
    description:
      'How sets are dealt to tiles: "filters": consecutive sets of the inner loop form a step group and tail tiles idle; "sets": a step group runs on into the next outer set',
  }),
};

/** Schema of a search map's look-ahead and look-aside; both 0 is the same array without skipping. */
export const searchParams = {
  lookahead: Type.Integer({
    minimum: 0,
    maximum: 31,
    default: 2,
    description: "Lines ahead from which a zero slot may take a value; also the most zero lines skipped in one cycle",
  }),
  lookaside: Type.Integer({
    minimum: 0,
    maximum: 31,
    default: 5,
    description: "Entries of the search map that look at other lanes",
  }),
  shape: Type.Enum(["T", "L"], {
    default: "T",
    description: '"L" looks aside in one direction of the next line, "T" in both directions of every line ahead',
  }),
};

/** Schema of an explicit search map, to be spread into the schema of a machine's `params`. */
export const offsetsParam = {
  offsets: Type.Optional(
    Type.Array(
      Type.Tuple([Type.Integer({ minimum: 1, maximum: 31 }), Type.Integer({ minimum: -31, maximum: 31 })], {
        description: "[lines ahead, lanes aside]",
      }),
      {
        maxItems: 63,
        description:
          "Search map in order of priority, in place of the one that shape and lookaside give (which is sorted by line, then lane); entries beyond the lookahead are out of reach",
      },
    ),
  ),
};

/** Schema of the space-to-depth threshold of machines whose forward pass does not look at the input. */
export const foldParam = {
  foldStridedInput: Type.Integer({
    minimum: 0,
    maximum: 16,
    default: 3,
    description:
      "A strided forward convolution of at most this many input channels is folded space-to-depth to stride 1; 0 = never",
  }),
};

/** The values of `arrayParams`. */
export interface ArrayParams {
  readonly lanes: number;
  readonly rows: number;
  readonly columns: number;
  readonly tiles: number;
  readonly batch: "image" | "fold";
  readonly dealing: Dealing;
}

/** Multipliers of the whole array. */
export function arrayMultipliers({ lanes, rows, columns, tiles }: ArrayParams): number {
  return lanes * rows * columns * tiles;
}

/** Images that run as one stream, and how many such streams there are. */
export function imageStreams(
  params: ArrayParams,
  images: number,
): { readonly images: number; readonly streams: number } {
  return params.batch === "fold" ? { images, streams: 1 } : { images: 1, streams: images };
}
