import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { residenceOf } from "../../../src/sim/memory/residence.ts";

const sizes: Record<string, number> = { a: 1, b: 2, c: 3, d: 4, e: 5, f: 6, kept: 2 };
const names = Object.keys(sizes);
const ops = fc.array(
  fc.record({
    reads: fc.subarray(names, { maxLength: 3 }),
    writes: fc.subarray(names, { maxLength: 2 }),
    isInPlace: fc.boolean(),
  }),
  { maxLength: 12 },
);
const lasting = (id: string) => id === "kept";

describe("tensors that stay on chip", () => {
  it("fit, are not lost, and were there before they are read", () => {
    fc.assert(
      fc.property(ops, fc.integer({ min: 0, max: 16 }), (touches, room) => {
        const residences = residenceOf(touches, room, (id) => sizes[id], lasting);
        /** Ids on chip during each op: from one that leaves them there to one that reads them there, both included. */
        const occupied = touches.map(() => new Set<string>());
        const lastTouch = new Map<string, number>();
        const onlyOnChip = new Set<string>();
        touches.forEach(({ reads, writes }, at) => {
          for (const id of reads) {
            const isResident = residences[at].reads.has(id);
            if (onlyOnChip.has(id)) expect(isResident, `${id} at ${at} is nowhere else`).toBe(true);
            if (isResident) {
              expect(lastTouch.has(id)).toBe(true);
              for (let between = lastTouch.get(id) as number; between < at; between++) occupied[between].add(id);
              const isLast = touches.findIndex((other, later) => later > at && other.reads.includes(id)) === -1;
              if (!(touches[at].isInPlace && isLast) && !touches[at].writes.includes(id)) occupied[at].add(id);
            }
            lastTouch.set(id, at);
          }
          for (const id of writes) {
            if (residences[at].writes.has(id)) onlyOnChip.add(id);
            else onlyOnChip.delete(id);
            lastTouch.set(id, at);
          }
        });
        expect(onlyOnChip.has("kept")).toBe(false);
        for (const ids of occupied) {
          expect([...ids].reduce((bytes, id) => bytes + sizes[id], 0)).toBeLessThanOrEqual(room);
        }
      }),
    );
  });

  it("are on chip together while an op reads one and writes another, unless it writes in the place of what it reads", () => {
    const touches = (isInPlace: boolean) => [
      { reads: [], writes: ["d"] },
      { reads: ["d"], writes: ["e"], isInPlace },
      { reads: ["e"], writes: [] },
    ];
    const staying = (isInPlace: boolean, room: number) =>
      residenceOf(touches(isInPlace), room, (id) => sizes[id], lasting).map(({ writes }) => [...writes]);
    expect(staying(false, 8)).toEqual([["d"], [], []]);
    expect(staying(false, 9)).toEqual([["d"], ["e"], []]);
    expect(staying(true, 5)).toEqual([["d"], ["e"], []]);
  });

  it("are those that are read soonest", () => {
    const touches = [
      { reads: [], writes: ["d"] },
      { reads: [], writes: ["c"] },
      { reads: ["c"], writes: [] },
      { reads: ["d"], writes: [] },
    ];
    const [first, second, third, last] = residenceOf(touches, 5, (id) => sizes[id], lasting);
    expect(first.writes.has("d")).toBe(false);
    expect(second.writes.has("c")).toBe(true);
    expect(third.reads.has("c")).toBe(true);
    expect(last.reads.has("d")).toBe(false);
  });

  it("all stay where there is room, are written to DRAM where nobody reads them, and none stays without room", () => {
    const touches = [
      { reads: ["a"], writes: ["b", "kept"] },
      { reads: ["a", "b", "kept"], writes: ["c"] },
    ];
    const [first, second] = residenceOf(touches, 100, (id) => sizes[id], lasting);
    expect([...first.writes]).toEqual(["b"]);
    expect([...second.reads].sort()).toEqual(["a", "b", "kept"]);
    expect(second.writes.size).toBe(0);
    for (const { reads, writes } of residenceOf(touches, 0, (id) => sizes[id], lasting)) {
      expect(reads.size + writes.size).toBe(0);
    }
  });

  it("give up their place when what is in them is overwritten before it is read again", () => {
    const touches = [
      { reads: [], writes: ["e"] },
      { reads: ["e"], writes: [] },
      { reads: [], writes: ["d"] },
      { reads: ["d"], writes: [] },
      { reads: [], writes: ["e"] },
      { reads: ["e"], writes: [] },
    ];
    const residences = residenceOf(touches, 5, (id) => sizes[id], lasting);
    expect(residences.map(({ writes }) => [...writes])).toEqual([["e"], [], ["d"], [], ["e"], []]);
  });

  it("are one value where several ops write them before one reads: gradients of branches add up", () => {
    const touches = [
      { reads: [], writes: ["d"] },
      { reads: [], writes: ["d"] },
      { reads: ["d"], writes: [] },
    ];
    const [first, second, last] = residenceOf(touches, 4, (id) => sizes[id], lasting);
    expect([first.writes.has("d"), second.writes.has("d"), last.reads.has("d")]).toEqual([true, true, true]);
  });

  it("take near-linear work: 40,000 ops that read one tensor beside others that come and go", () => {
    const ops = 4e4;
    const touches = Array.from({ length: ops }, (_, at) => ({
      reads: ["shared", `made ${at - 1}`, `saved ${ops - 1 - at}`],
      writes: [`made ${at}`, ...(at < ops / 2 ? [`saved ${at}`] : [])],
    }));
    // Half of what is saved for later stays, in the order of its last reading.
    const residences = residenceOf(touches, ops / 4 + 3, () => 1, lasting);
    const staying = residences.filter(({ writes }, at) => writes.has(`saved ${at}`)).length;
    expect(Math.abs(staying - ops / 4)).toBeLessThan(5);
    expect(residences.slice(1).every(({ reads }) => reads.has("shared"))).toBe(true);
  });
});
