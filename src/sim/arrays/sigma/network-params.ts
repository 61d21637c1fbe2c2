/**
 * Settings that the flexible GEMM array (`sigma`) and the output-stationary mesh (`mesh`) share: the two bandwidths between
 * buffer and array, and the rules at their ends. With `partialSums` of the array, those of STONNE 22634b8b are a hashed bus,
 * a half drain, partial sums first and no overlap; a clean machine has none of these.
 */
import { type Static, Type } from "../../../core/input/schema.ts";
import { choice, integer } from "../../hardware/param-schemas.ts";

/** Schema properties of the networks around an array, to be spread into the schema of a machine's `params`. */
export const networkParams = {
  distributionBandwidth: integer(
    [1, 65536],
    "Ports from the buffer into the array, one value a cycle each; each serves the same power of two of places",
  ),
  reductionBandwidth: integer([1, 65536], "Lines of the bus that collects results, one result a cycle each"),
  bus: choice(
    ["balanced", "hashed"],
    "balanced",
    '"balanced": a result takes any free line; "hashed": the line is fixed by the place where it leaves the array',
  ),
  drain: choice(
    ["full", "half"],
    "full",
    'Results that the buffer stores in a cycle: "full": all that wait, "half": half of them, rounded up',
  ),
  overlap: Type.Boolean({
    default: true,
    description: "The next set is loaded and fed while the last results of the one before it are collected",
  }),
  batch: choice(
    ["fold", "image"],
    "fold",
    '"image": images run one after the other; "fold": the windows (weightGrad: positions) of all images form one matrix',
  ),
};

/** The rules of the collecting bus. */
export interface BusRules {
  readonly reductionBandwidth: number;
  readonly bus: "balanced" | "hashed";
  readonly drain: "full" | "half";
}

const network = Type.Object(networkParams);

/** The values of `networkParams`. */
export type NetworkParams = Static<typeof network>;

/** Faults of a number of distribution ports for an array of so many places, each beginning with the parameter's name. */
export function portFaults(places: number, distributionBandwidth: number): string[] {
  const perPort = places / distributionBandwidth;
  if (Number.isInteger(Math.log2(perPort)) && perPort >= 1) return [];
  const known = powersOfTwo(places).map((power) => places / power);
  return [
    `distributionBandwidth: must serve a power of two of ${places} places a port, got ${distributionBandwidth}; known: ${known.join(", ")}`,
  ];
}

/**
 * Places of the array that one distribution port serves.
 * @throws Error when they are not a power of two.
 */
export function placesPerPort(machine: string, places: number, distributionBandwidth: number): number {
  const [fault] = portFaults(places, distributionBandwidth);
  if (fault !== undefined) throw new Error(`${machine}: ${fault}`);
  return places / distributionBandwidth;
}

/** Powers of two that divide `places`. */
function powersOfTwo(places: number): number[] {
  const powers: number[] = [];
  for (let power = 1; places % power === 0; power *= 2) powers.push(power);
  return powers;
}
