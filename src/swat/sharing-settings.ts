/** What the settings of a run say about sharing weights among layers, checked against method, momentum and pruning. */
import { InputError } from "../io/faults.ts";
import type { Model } from "./model.ts";
import { MomentumSharing } from "./momentum-sharing.ts";
import type { TrainSettings } from "./settings.ts";

/**
 * What shares the weights of `model`; undefined for methods that share none.
 * @throws Error for SWAT-M without momentum, or without weights to share.
 */
export function sharingOf(
  model: Model,
  { method, momentum, sparsity, drop, ...options }: TrainSettings,
): MomentumSharing | undefined {
  if (method !== "swat-m") return undefined;
  if (momentum === 0) throw new InputError(["momentum: swat-m shares weights by it, got 0; valid: more than 0"]);
  if (drop !== undefined && !drop.some((one) => one.startsWith("weights:"))) {
    throw new InputError([
      `drop: swat-m shares weights, got ${drop.join("+")}; valid: with weights:forward or weights:backward`,
    ]);
  }
  return new MomentumSharing(model.swatLayers, sparsity, options);
}

/** @throws InputError naming every option of sharing that has no meaning for the method or the pruning. */
export function checkSharing(settings: TrainSettings): void {
  const { method, pruning, shareBy, shareGrowth, shareAt, keepFilters } = settings;
  const faults: string[] = [];
  for (const [name, value] of Object.entries({ shareBy, shareGrowth, shareAt })) {
    if (value !== undefined && method !== "swat-m") {
      faults.push(`${name}: only swat-m shares weights, got ${value} with method ${method}; valid: method swat-m`);
    }
  }
  if (keepFilters && method === "dense") {
    faults.push("keepFilters: dense training empties no filter, got true; valid: a sparse method");
  }
  if (keepFilters && pruning === "filter") {
    faults.push("keepFilters: pruning filter empties filters, got true; valid: pruning unstructured or channel");
  }
  if (faults.length > 0) throw new InputError(faults);
}
