/**
 * First memory model, one rule for every machine: DRAM time = bytes / bandwidth, overlapped with compute by double
 * buffering, so that an operation takes the longer of the two. Each operand is fetched once if operands and output fit
 * into half of the on-chip memory (the other half receives the next tiles). If not, one operand stays in chunks of that
 * half while the other is streamed again for every chunk, whichever way moves fewer bytes.
 */
import type { Machine, MemoryNumbers } from "./machine.ts";
import { OPERANDS_OF, type Operand, type Pass } from "./operation.ts";

/** Size and nonzeros of one operand of an operation. */
export interface OperandSize {
  readonly elements: number;
  readonly nonzeros: number;
}

/** Bytes that an operation moves over the memory interface, per operand and for the output. */
export type OffChipBytes = Readonly<Record<string, number>>;

/** Bytes of a tensor off chip in the given storage. */
export function storedBytes(
  { elements, nonzeros }: OperandSize,
  storage: "dense" | "bitmap",
  valueBytes: number,
): number {
  const dense = elements * valueBytes;
  return storage === "dense" ? dense : Math.min(dense, nonzeros * valueBytes + Math.ceil(elements / 8));
}

/** What feeding an operation costs: bytes over the memory interface by name, and the cycles that takes. */
export interface MemoryCost {
  readonly bytes: Readonly<Record<string, number>>;
  readonly cycles: number;
}

/** Feeds the array with the operands of a pass and takes its output away. */
export function runMemory(
  pass: Pass,
  sizes: Readonly<Partial<Record<Operand, OperandSize>>>,
  outputElements: number,
  machine: Machine,
): MemoryCost {
  return costOf(offChipBytes(pass, sizes, outputElements, machine.memory), machine);
}

/** Moves the bytes of an operation that does not multiply. */
export function moveBytes(read: number, written: number, machine: Machine): MemoryCost {
  return costOf({ read, written }, machine);
}

/** Bytes of one output value: sums of a weight gradient go to the optimizer in the wide type. */
export function outputBytes(pass: Pass, memory: MemoryNumbers): number {
  return pass === "weightGrad" ? memory.wideBytes : memory.valueBytes;
}

function costOf(bytes: Readonly<Record<string, number>>, { memory, clockHz }: Machine): MemoryCost {
  const sum = Object.values(bytes).reduce((total, part) => total + part, 0);
  return { bytes, cycles: transferCycles(sum, memory.bandwidthBytesPerSecond, clockHz) };
}

/** Off-chip traffic of one operation. The output is written once, densely: it is not sparse before the next layer. */
export function offChipBytes(
  pass: Pass,
  sizes: Readonly<Partial<Record<Operand, OperandSize>>>,
  outputElements: number,
  memory: MemoryNumbers,
): OffChipBytes {
  const [a, b] = OPERANDS_OF[pass];
  const bytesOf = (operand: Operand) =>
    storedBytes(sizes[operand] as OperandSize, memory.storage[operand], memory.valueBytes);
  const [bytesA, bytesB] = [bytesOf(a), bytesOf(b)];
  const output = outputElements * outputBytes(pass, memory);
  const room = memory.onChipBytes / 2;
  if (bytesA + bytesB + output <= room) return { [a]: bytesA, [b]: bytesB, output };
  const streamB = bytesB * Math.ceil(bytesA / room);
  const streamA = bytesA * Math.ceil(bytesB / room);
  return bytesA + streamB <= streamA + bytesB
    ? { [a]: bytesA, [b]: streamB, output }
    : { [a]: streamA, [b]: bytesB, output };
}

/** Cycles that moving `bytes` takes on the machine's memory interface, rounded up. */
export function transferCycles(bytes: number, bandwidthBytesPerSecond: number, clockHz: number): number {
  return Math.ceil((bytes * clockHz) / bandwidthBytesPerSecond);
}
