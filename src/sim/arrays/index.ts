/** The accelerators that come with the package, by id; adding one is a file and a line here. */
import type { Accelerator } from "../hardware/accelerator.ts";
import { activationQueue } from "./activation-queue.ts";
import { bitTactical } from "./bit-tactical.ts";
import { dadiannao } from "./dadiannao.ts";
import { ideal } from "./ideal.ts";
import { mesh } from "./mesh.ts";
import { procrustes } from "./procrustes.ts";
import { scnn } from "./scnn.ts";
import { sigma } from "./sigma.ts";
import { sparseTensorCore } from "./sparse-tensor-core.ts";
import { systolic } from "./systolic.ts";
import { tensordash } from "./tensordash.ts";
import { twoSided } from "./two-sided.ts";
import { weightQueue } from "./weight-queue.ts";

/** id → accelerator. */
export const accelerators: Readonly<Record<string, Accelerator>> = {
  [dadiannao.id]: dadiannao,
  [bitTactical.id]: bitTactical,
  [tensordash.id]: tensordash,
  [weightQueue.id]: weightQueue,
  [twoSided.id]: twoSided,
  [scnn.id]: scnn,
  [sigma.id]: sigma,
  [mesh.id]: mesh,
  [systolic.id]: systolic,
  [procrustes.id]: procrustes,
  [sparseTensorCore.id]: sparseTensorCore,
  [activationQueue.id]: activationQueue,
  [ideal.id]: ideal,
};
