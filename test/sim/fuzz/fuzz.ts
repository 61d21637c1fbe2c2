/**
 * Draws odd shapes and legal parameters and checks every law and every closed form. A failure is shrunk to the smallest case
 * that still fails, which can be replayed from its seed.
 */
import fc from "fast-check";
import { denseMacs } from "../../../src/core/dense-macs.ts";
import { checkSchema } from "../../../src/io/faults.ts";
import { accelerators } from "../../../src/sim/arrays/index.ts";
import { conformanceProperties } from "../../../src/sim/conformance/conformance.ts";
import { operationFaults } from "../../../src/sim/conformance/operation.ts";
import { relationFaults } from "../../../src/sim/conformance/relations.ts";
import type { Accelerator } from "../../../src/sim/hardware/accelerator.ts";
import { effectualMacs } from "../../../src/sim/operation/mac-counts.ts";
import { bruteForceMacs } from "../../support/random-operation.ts";
import { CLOSED_FORMS } from "./closed-forms.ts";
import { conservationCaseFaults, conservationCases } from "./conservation.ts";
import { type FuzzCase, fuzzCases, operationOf } from "./fuzz-case.ts";
import { PARAMS } from "./fuzz-params.ts";
import { memoryCases, memoryFaults } from "./memory-traffic.ts";
import { stepCases, stepFaults } from "./steps-on-chip.ts";
import { bitmapTileFaults, denseTileFaults, tileCases } from "./tile-traffic.ts";

type Params = Readonly<Record<string, unknown>>;

/** What is drawn and checked under one name. */
export interface Campaign {
  readonly name: string;
  /** Draws `runs` cases, or fewer where each checks much. */
  check(seed: number, runs: number): Promise<CampaignResult>;
}

/** A campaign's result; `failure` says what failed, in which smallest case, and how to replay it. */
interface CampaignResult {
  readonly name: string;
  readonly passed: number;
  readonly runs: number;
  readonly failure?: string;
}

/** The laws run hundreds of operations for one draw of parameters. */
const LAWS_PER_RUN = 0.02;

/** Campaigns of MAC counts and of memory, and two for each accelerator: operations drawn with its parameters, and its laws. */
export function campaigns(machines: Readonly<Record<string, Accelerator>> = accelerators): Campaign[] {
  return [
    campaign("MACs", fuzzCases, macFaults),
    campaign("DRAM traffic", memoryCases, memoryFaults),
    campaign("tile traffic", tileCases, denseTileFaults),
    campaign("tile traffic of bitmaps", tileCases, bitmapTileFaults),
    campaign("tensors on chip", stepCases, stepFaults),
    campaign("conservation", conservationCases, conservationCaseFaults),
    ...Object.values(machines).flatMap((machine) => [
      campaign(machine.id, fc.tuple(fuzzCases, paramsOf(machine)), ([one, params]) => runFaults(machine, one, params)),
      campaign(`${machine.id} laws`, paramsOf(machine), (params) => lawFaults(machine, params), LAWS_PER_RUN),
    ]),
  ];
}

function campaign<Drawn>(
  name: string,
  drawn: fc.Arbitrary<Drawn>,
  faultsOf: (one: Drawn) => readonly string[] | Promise<readonly string[]>,
  perRun = 1,
): Campaign {
  const property = fc.asyncProperty(drawn, async (one) => {
    const faults = await faultsOf(one);
    if (faults.length > 0) throw new Error(faults.join("; "));
  });
  return {
    name,
    async check(seed, runs) {
      const numRuns = Math.ceil(runs * perRun);
      const {
        failed,
        counterexample,
        counterexamplePath,
        errorInstance,
        numRuns: done,
      } = await fc.check(property, {
        ...{ seed, numRuns },
      });
      if (!failed) return { name, passed: numRuns, runs: numRuns };
      const reason = errorInstance instanceof Error ? errorInstance.message : String(errorInstance);
      const smallest = JSON.stringify(counterexample?.[0]);
      const failure = `seed ${seed}: ${reason}; smallest case (path ${counterexamplePath}): ${smallest}`;
      return { name, passed: Math.max(0, done - 1), runs: numRuns, failure };
    },
  };
}

/** Legal parameters by the accelerator's schema. */
function paramsOf({ id, params }: Accelerator): fc.Arbitrary<Params> {
  return PARAMS[id].map((drawn) => checkSchema(params, drawn, id));
}

function macFaults(one: FuzzCase): string[] {
  const operation = operationOf(one);
  const { dense, effectual } = bruteForceMacs(operation);
  return [
    ...unequal("dense MACs", denseMacs(operation.geometry), dense),
    ...unequal("effectual MACs", effectualMacs(operation), effectual),
  ];
}

function runFaults(accelerator: Accelerator, one: FuzzCase, params: Params): string[] {
  const operation = operationOf(one);
  const result = accelerator.run(operation, params);
  const expected = CLOSED_FORMS[accelerator.id]?.(operation, params, result) ?? {};
  return [
    ...operationFaults(accelerator, params, operation),
    ...relationFaults(accelerator, params, operation),
    ...unequal("cycles", result.cycles, expected.cycles ?? result.cycles),
    ...unequal("base cycles", result.baseCycles, expected.baseCycles ?? result.baseCycles),
    ...unequal(
      "rescheduling cycles",
      result.reschedulingCycles,
      expected.reschedulingCycles ?? result.reschedulingCycles,
    ),
  ];
}

function lawFaults(accelerator: Accelerator, params: Params): string[] {
  return conformanceProperties(accelerator, params).flatMap(({ name, check }) => {
    try {
      check();
      return [];
    } catch (error) {
      return [`${name}: ${error instanceof Error ? error.message : error}`];
    }
  });
}

function unequal(what: string, actual: number, expected: number): string[] {
  return actual === expected ? [] : [`${what}: expected ${expected}, got ${actual}`];
}
