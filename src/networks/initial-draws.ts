/**
 * What the parameters of a layer start from, as in the SWAT authors' networks. PyTorch's default for convolutions and linear
 * layers is uniform in ±1/√fan-in; their wide residual and ImageNet networks draw convolutions from normal deviates by
 * fan-out (He et al. 2015, "Delving Deep into Rectifiers", eq. 14).
 */
import type { ConvGeometry } from "../core/geometry.ts";
import type { RandomStream } from "../core/random.ts";

/** `uniform`: U(±1/√(C/groups·R·S)), of a bias too; `fanOutNormal`: N(0, 2/(K·R·S)). */
export interface InitialDraws {
  readonly weight: "uniform" | "fanOutNormal";
  readonly bias: "uniform" | "zero";
}

/** Draws the weight and then, where there is one, the bias of a layer. */
export function drawParameters(
  { initial, geometry: g }: { readonly initial: InitialDraws; readonly geometry: ConvGeometry },
  stream: RandomStream,
  weight: Float32Array,
  bias: Float32Array | null,
): void {
  const bound = 1 / Math.sqrt((g.C / g.groups) * g.R * g.S);
  if (initial.weight === "uniform") stream.fillUniform(weight, -bound, bound);
  else stream.fillNormal(weight, 0, Math.sqrt(2 / (g.K * g.R * g.S)));
  if (bias === null) return;
  if (initial.bias === "uniform") stream.fillUniform(bias, -bound, bound);
  else bias.fill(0);
}
