import { expect, it } from "vitest";
import { loadMachines } from "../../../src/api/open.ts";
import { conformanceProperties } from "../../../src/sim/conformance/conformance.ts";
import { denseTwin } from "../../../src/sim/hardware/machine.ts";

const machines = await loadMachines(["all"]);

/** Machines that differ in memory or clock only have the same array. */
const arrays = new Map(
  machines
    .flatMap((machine) => [machine, denseTwin(machine)])
    .map((machine) => [JSON.stringify([machine.accelerator.id, machine.params]), machine]),
);

it.each([...arrays.values()])("$name keeps the laws of every accelerator in every pass", ({ accelerator, params }) => {
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
});
