import { expect, it } from "vitest";
import { conformanceProperties } from "../../src/sim/conformance.ts";
import { denseTwin } from "../../src/sim/machine.ts";
import { loadMachines } from "../../src/studies/inputs.ts";

const machines = await loadMachines(["all"]);

it.each(machines.flatMap((machine) => [machine, denseTwin(machine)]))(
  "$name keeps the laws of every accelerator in every pass",
  ({ accelerator, params }) => {
    const properties = conformanceProperties(accelerator, params);
    const broken = properties.flatMap(({ name, check }) => {
      try {
        check();
        return [];
      } catch (error) {
        return [`${name}: ${(error as Error).message}`];
      }
    });
    expect(broken).toEqual([]);
    for (const pass of ["forward", "inputGrad", "weightGrad"]) {
      expect(properties.some(({ name }) => name.startsWith(pass))).toBe(true);
    }
  },
);
