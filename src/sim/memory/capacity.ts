/** Whether the levels of machines have room for tiles at all, told before anything is simulated. */

import { sizeOf } from "../../core/geometry.ts";
import { RESULT_OF, SHAPE_OF } from "../../core/passes.ts";
import { InputError } from "../../io/faults.ts";
import type { MacOp } from "../../trace/manifest.ts";
import type { Machine } from "../hardware/machine.ts";
import { OPERANDS_OF } from "../operation/operation.ts";
import { smallestTile } from "./tiles/tiling.ts";

/** @throws InputError with a line for each level in which the smallest tiles of some op do not fit twice, uncompressed. */
export function checkRoom(machines: readonly Machine[], ops: readonly MacOp[]): void {
  const faults = machines.flatMap(({ name, config, memory }) => {
    const { valueBytes, wideBytes, levels, residentBytes } = memory;
    const tasks = ops.map(({ pass, layer, geometry }) => {
      const bytesOf = (tensor: keyof typeof SHAPE_OF, each: number) => sizeOf(SHAPE_OF[tensor](geometry)) * each;
      const operands = Object.fromEntries(OPERANDS_OF[pass].map((operand) => [operand, bytesOf(operand, valueBytes)]));
      return { pass, layer, geometry, operands, partialBytes: bytesOf(RESULT_OF[pass], wideBytes) };
    });
    return levels.flatMap((level, index) => {
      const room = (level.bytes - (index === 0 ? residentBytes : 0)) / 2;
      let [most, at] = [0, ""];
      for (const { operands, ...task } of tasks) {
        const bytes = smallestTile({ ...task, operands }, level);
        if (bytes > most) [most, at] = [bytes, `${task.layer} ${task.pass}`];
      }
      if (most <= room) return [];
      const { onChip, levels: configured, resident } = config.memory;
      const field = onChip === undefined ? `memory.levels.${index}.size` : "memory.onChip";
      const size = onChip ?? configured?.[index].size;
      const needed = Math.ceil((2 * most) / (index === 0 ? 1 - resident : 1));
      return [`${name}: ${field}: is too small for ${at}, got "${size}"; valid: at least ${needed} B`];
    });
  });
  if (faults.length > 0) throw new InputError([...new Set(faults)]);
}
