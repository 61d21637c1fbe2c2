/**
 * Whether an operation lies in the scope of the golden cases of the lane arrays: what DNNsim can run at all, image by image,
 * with the inner sets dispatched to tiles. Outside it our counts rest on the same code but on no independent number.
 */
import type { Operation } from "../../operation/operation.ts";
import type { ArrayParams } from "./array-params.ts";

/** True where DNNsim computes the same operation on the same array. */
export function inGoldenScope({ geometry: g, paddingAsNonzeros }: Operation, params: ArrayParams): boolean {
  return (
    g.groups === 1 &&
    g.stride[0] === g.stride[1] &&
    g.dilation[0] === 1 &&
    g.dilation[1] === 1 &&
    (params.batch === "image" || g.N === 1) &&
    (params.dealing === "filters" || params.tiles === 1) &&
    paddingAsNonzeros !== true
  );
}
