/**
 * Parameters that the machines of lanes × rows × columns × tiles share: the size of the array, and the two rules that must
 * be the same for a machine and its baseline.
 */
import { Type } from "../../../core/input/schema.ts";
import { choice, integer } from "../../hardware/param-schemas.ts";
import type { TileDispatch } from "./tile-dispatch.ts";

/** Schema properties of an array, to be spread into the schema of a machine's `params`. */
export const arrayParams = {
  lanes: integer(
    [1, 32],
    "Multipliers of a processing element; they reduce over channels (weightGrad: output positions)",
    16,
  ),
  rows: integer([1, 4096], "Rows of processing elements of a tile", 16),
  columns: integer([1, 4096], "Columns of processing elements of a tile", 16),
  tiles: integer([1, 4096], "Tiles", 1),
  batch: choice(
    ["image", "fold"],
    "image",
    '"image": images run one after the other; "fold": the windows (weightGrad: positions) of all images form one stream',
  ),
  dealing: choice(
    ["filters", "sets"],
    "filters",
    'How sets are dispatched to tiles: "filters": consecutive sets of the inner loop form a step group and tail tiles idle; "sets": a step group runs on into the next outer set',
  ),
};

/** Schema of a search map's look-ahead and look-aside; both 0 is the same array without skipping. */
export const searchParams = {
  lookahead: integer(
    [0, 31],
    "Lines ahead from which a zero slot may take a value; also the most zero lines skipped in one cycle",
    2,
  ),
  lookaside: integer([0, 31], "Entries of the search map that look at other lanes", 5),
  shape: choice(
    ["T", "L"],
    "T",
    '"L" looks aside in one direction of the next line, "T" in both directions of every line ahead',
  ),
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
  foldStridedInput: integer(
    [0, 16],
    "A strided forward convolution of at most this many input channels is folded space-to-depth to stride 1; 0 = never",
    3,
  ),
};

/** The values of `arrayParams`. */
export interface ArrayParams {
  readonly lanes: number;
  readonly rows: number;
  readonly columns: number;
  readonly tiles: number;
  readonly batch: "image" | "fold";
  readonly dealing: TileDispatch;
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
