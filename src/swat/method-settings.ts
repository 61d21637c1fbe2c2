/** The settings that decide how a run trains sparsely: what a method fills in, and what does not go with it. */
import { checkSchema, faultCollector, InputError, unknownName } from "../io/faults.ts";
import { maskMethodNamed, maskMethods } from "../sparsity/masks/index.ts";
import type { MaskMethod } from "../sparsity/masks/mask-method.ts";
import { patternOf } from "../sparsity/masks/nm.ts";
import type { Drop } from "../sparsity/operand-masking.ts";
import { PRUNINGS } from "../sparsity/structured.ts";
import { exemptionsOf, trainingMethods } from "../sparsity/training-methods.ts";
import type { Exemptions } from "../sparsity/uniform.ts";

/** What decides how a run trains sparsely. */
export interface MethodSettings {
  /** One of `trainingMethods`. */
  readonly method: string;
  /** Share of weights and activations that is dropped, 0 ≤ s < 1; of methods with masks, of weights. Ignored by `dense`. */
  readonly sparsity: number;
  /** How weights of convolutions are pruned: one of `PRUNINGS`, or "N:M". */
  readonly pruning: string;
  /** Of a method that trains with masks: all that its schema has. */
  readonly methodOptions?: Readonly<Record<string, unknown>>;
}

/** What the caller decides of them. */
type GivenMethod = { readonly [Key in keyof MethodSettings]?: MethodSettings[Key] | undefined };
/** Settings that only methods of top-k have a use for. */
interface TopKSettings {
  readonly drop?: readonly Drop[];
  readonly warmup: number;
  readonly keepFilters?: boolean | undefined;
}

/**
 * Those settings with what is not given filled in; N:M pruning asks for N:M training. @throws InputError with all that is
 * wrong, each line naming its field after `where` it was given.
 */
export function methodSettings(given: GivenMethod, defaults: MethodSettings, where = ""): MethodSettings & Exemptions {
  const isNm = patternOf(given.pruning ?? "") !== undefined;
  const method = given.method ?? (isNm ? "nm" : defaults.method);
  const masks = maskMethodNamed(method);
  const pruning = given.pruning ?? masks?.pruning ?? defaults.pruning;
  const { faults, attempt } = faultCollector();
  const methodOptions = masks && attempt(() => optionsOf(masks, given.methodOptions));
  const derived = method === "dense" ? 0 : masks?.sparsityOf?.({ pruning });
  const sparsity = (method === "dense" ? undefined : given.sparsity) ?? derived ?? defaults.sparsity;
  const options = masks === undefined ? given.methodOptions : methodOptions;
  const settings = { method, pruning, sparsity, ...(options === undefined ? {} : { methodOptions: options }) };
  if (faults.length === 0) faults.push(...methodFaults(settings));
  if (faults.length > 0) throw new InputError(faults.map((fault) => (where === "" ? fault : `${where}: ${fault}`)));
  return { ...settings, ...exemptionsOf(method, methodOptions) };
}

/** @throws InputError naming every setting that has no meaning for the method. */
export function checkMethod(settings: MethodSettings & TopKSettings): void {
  const faults = [...methodFaults(settings), ...topKFaults(settings)];
  if (faults.length > 0) throw new InputError(faults);
}

/** Options of a method with its defaults filled in. */
function optionsOf(
  { options }: MaskMethod,
  given: MethodSettings["methodOptions"] = {},
): Readonly<Record<string, unknown>> {
  const checked: unknown = checkSchema(options, given, "methodOptions");
  return checked as Readonly<Record<string, unknown>>;
}

function methodFaults({ method, pruning, sparsity, methodOptions }: MethodSettings): string[] {
  const names = trainingMethods();
  if (!names.includes(method)) return [`method: ${unknownName("method", method, names)}`];
  const masks = maskMethodNamed(method);
  if (masks !== undefined) return maskFaults(masks, { pruning, sparsity, options: methodOptions ?? {} });
  const faults: string[] = [];
  if (!PRUNINGS.some((one) => one === pruning)) {
    const valid = [...PRUNINGS, ...(patternOf(pruning) === undefined ? [] : ["any N:M with method nm"])];
    faults.push(`pruning: ${unknownName(`pruning of ${method}`, pruning, valid)}`);
  }
  if (methodOptions !== undefined) {
    const known = maskMethods().map(({ name }) => name);
    faults.push(`methodOptions: ${method} has none; valid: with method ${known.join(", ")}`);
  }
  return faults;
}

function maskFaults(masks: MaskMethod, settings: Parameters<NonNullable<MaskMethod["faults"]>>[0]): string[] {
  const { pruning, sparsity } = settings;
  const faults = [...(masks.faults?.(settings) ?? [])];
  if (masks.pruning === undefined && pruning !== "unstructured") {
    faults.push(`pruning: ${masks.name} keeps single weights, got "${pruning}"; valid: unstructured`);
  }
  const derived = faults.length > 0 ? sparsity : (masks.sparsityOf?.({ pruning }) ?? sparsity);
  if (derived !== sparsity) {
    faults.push(`sparsity: follows from pruning ${pruning}, got ${sparsity}; valid: ${derived}, or none`);
  }
  return faults;
}

/** Settings of top-k that methods of masks have no use for, and drops of methods that name theirs. */
function topKFaults({ method, drop, warmup, keepFilters }: MethodSettings & TopKSettings): string[] {
  const isOfMasks = maskMethodNamed(method) !== undefined;
  const faults: string[] = [];
  if (drop !== undefined && (isOfMasks || method === "meprop")) {
    faults.push(`drop: ${method} decides what is dropped, got ${drop.join("+")}; valid: a method of SWAT`);
  }
  if (isOfMasks && warmup > 0) faults.push(`warmup: ${method} has no thresholds, got ${warmup}; valid: 0`);
  if (isOfMasks && keepFilters === true) {
    faults.push(`keepFilters: ${method} keeps exact counts, got true; valid: false, or a method of SWAT`);
  }
  return faults;
}
