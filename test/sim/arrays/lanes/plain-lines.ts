/**
 * The on-chip buffers of a lane array once more, slow and direct: one tick of the clock at a time, every address on its own,
 * for forward passes of one image without groups whose tiles share their windows. Shares the static schedule with our
 * model, nothing else. Written from a description of DNNsim 4748a600.
 */
import { type BitMask, getBit } from "../../../../src/core/bit-mask.ts";
import { type ConvGeometry, outputHeight, outputWidth } from "../../../../src/core/geometry.ts";
import { searchMap, searchMapOf } from "../../../../src/sim/arrays/lanes/schedule/search-map.ts";
import { staticScheduler } from "../../../../src/sim/arrays/lanes/schedule/static-schedule.ts";
import type { LineDetail, LineResult } from "../../../../src/sim/hardware/line-detail.ts";

/** The array; lookahead 0 does not skip. */
export interface PlainArray {
  readonly lanes: number;
  readonly rows: number;
  readonly columns: number;
  readonly tiles: number;
  readonly lookahead: number;
  readonly lookaside: number;
  readonly shape: "T" | "L";
}

interface PlainItem {
  readonly readsActivations: boolean;
  readonly readTicks: number;
  readonly output: { readonly compose: number; readonly write: number } | null;
}

const range = (end: number) => [...Array(Math.max(0, end)).keys()];

/** Lines that filter set `set` keeps, of all lines in the order y, x, block of channels. */
function keptBy(weight: BitMask, g: ConvGeometry, set: number, array: PlainArray): number[] {
  const { lanes, rows, lookahead } = array;
  const blocks = Math.ceil(g.C / lanes);
  const lines = g.R * g.S * blocks;
  if (lookahead === 0) return range(lines);
  const buffer = new Int32Array((lines + lookahead) * rows);
  for (const r of range(rows)) {
    const k = set * rows + r;
    if (k >= g.K) continue;
    for (const position of range(g.R * g.S)) {
      for (const c of range(g.C)) {
        if (!getBit(weight, k, c * g.R * g.S + position)) continue;
        buffer[(position * blocks + Math.floor(c / lanes)) * rows + r] |= 1 << (c % lanes);
      }
    }
  }
  staticScheduler(searchMapOf(array))(buffer, lines, rows);
  const kept: number[] = [];
  let skipped = 0;
  for (const t of range(lines)) {
    if (skipped < lookahead && range(rows).every((r) => buffer[t * rows + r] === 0)) {
      skipped++;
      continue;
    }
    skipped = 0;
    kept.push(t);
  }
  return kept;
}

/** Bank of every position of the padded image, dispatched out in one scan over it. */
function scannedBanks(g: ConvGeometry, banks: number): number[][] {
  const height = g.padding[0] + g.H + g.padding[1];
  const width = g.padding[2] + g.W + g.padding[3];
  const [strideY, strideX] = g.stride;
  let bank = 0;
  let saved = 0;
  return range(height).map((y) =>
    range(width).map((x) => {
      if (x === 0 && y % strideY === 0) bank = saved;
      const own = bank;
      bank = (bank + 1) % banks;
      if (x === outputWidth(g) * strideX - 1 && y % strideY === 0) saved = bank;
      return own;
    }),
  );
}

/** Accesses and steps of a list of banks, one entry an address. */
function request(banks: readonly number[], perAccess: number): { accesses: number; steps: number } {
  const counts = new Map<number, number>();
  for (const bank of banks) counts.set(bank, (counts.get(bank) ?? 0) + 1);
  const accesses = [...counts.values()].map((count) => Math.ceil(count / perAccess));
  return { accesses: accesses.reduce((a, b) => a + b, 0), steps: Math.max(0, ...accesses) };
}

/** Cycles and counters of a forward pass of one image. */
export function plainLines(weight: BitMask, g: ConvGeometry, array: PlainArray, line: LineDetail): LineResult {
  const { lanes, rows, columns, tiles, lookahead } = array;
  const blocks = Math.ceil(g.C / lanes);
  const lines = g.R * g.S * blocks;
  const filterSets = Math.ceil(g.K / rows);
  const kept = range(filterSets).map((set) => keptBy(weight, g, set, array));
  const bankOf = scannedBanks(g, line.activations.banks);
  const perAccess = ({ bankBits }: { bankBits: number }) => Math.ceil(bankBits / line.addressBits);
  const perAddress = (bits: number) => Math.floor(line.addressBits / bits);
  const entries = lookahead === 0 ? 0 : searchMap(array.shape, lookahead, array.lookaside).length;
  const lineAddresses =
    rows * Math.ceil(lanes / perAddress(line.weightBits)) +
    (entries === 0 ? 0 : rows * Math.ceil((lanes * Math.ceil(Math.log2(entries))) / line.addressBits));
  const windows = range(outputHeight(g)).flatMap((p) => range(outputWidth(g)).map((q) => [p, q]));
  const counters = {
    activationBankReads: 0,
    activationBankConflicts: 0,
    weightBankReads: 0,
    weightBankConflicts: 0,
    outputBankWrites: 0,
    outputBankConflicts: 0,
  };
  const items: PlainItem[] = [];
  for (let first = 0; first < windows.length; first += columns) {
    const own = windows.slice(first, first + columns);
    for (let firstSet = 0; firstSet < filterSets; firstSet += tiles) {
      const sets = range(Math.min(tiles, filterSets - firstSet)).map((tile) => firstSet + tile);
      const count = Math.max(...sets.map((set) => kept[set].length));
      let requested = 0;
      for (const n of range(count)) {
        const active = sets.filter((set) => n < kept[set].length);
        const needed = kept[active[0]][n] + 1 + lookahead;
        const activations: number[] = [];
        for (let t = requested; t < Math.min(needed, lines); t++) {
          const position = Math.floor(t / blocks);
          const values = Math.min(lanes, g.C - (t % blocks) * lanes);
          for (const [p, q] of own) {
            const y = p * g.stride[0] + Math.floor(position / g.S) * g.dilation[0];
            const x = q * g.stride[1] + (position % g.S) * g.dilation[1];
            for (const _ of range(Math.ceil(values / perAddress(line.activationBits)))) activations.push(bankOf[y][x]);
          }
        }
        requested = Math.max(requested, needed);
        const weights = active.flatMap((set) =>
          range(lineAddresses).map((slot) => (set * lineAddresses + slot) % line.weights.banks),
        );
        const weightCost = request(weights, perAccess(line.weights));
        counters.weightBankReads += weightCost.accesses;
        counters.weightBankConflicts += weightCost.steps - 1;
        let readTicks = weightCost.steps * line.weights.readCycles;
        const readsActivations = activations.length > 0;
        if (readsActivations) {
          const cost = request(activations, perAccess(line.activations));
          counters.activationBankReads += cost.accesses;
          counters.activationBankConflicts += cost.steps - 1;
          readTicks = Math.max(readTicks, cost.steps * line.activations.readCycles);
        }
        let output: PlainItem["output"] = null;
        if (n === count - 1) {
          const written: number[] = [];
          let bank = 0;
          let compose = 0;
          for (const set of sets.filter((candidate) => kept[candidate].length > 0)) {
            const values = own.length * Math.min(rows, g.K - set * rows);
            const addresses = Math.ceil(values / perAddress(line.activationBits));
            const writes = line.outputWriters === "all" || active.includes(set);
            for (const _ of range(addresses)) {
              if (writes) written.push(bank);
              bank = (bank + 1) % line.outputs.banks;
            }
            if (writes) compose = Math.max(compose, Math.ceil(addresses / line.composer.inputs) * line.composer.cycles);
          }
          const cost = request(written, perAccess(line.outputs));
          counters.outputBankWrites += cost.accesses;
          counters.outputBankConflicts += cost.steps - 1;
          output = { compose, write: cost.steps * line.outputs.writeCycles };
        }
        items.push({ readsActivations, readTicks, output });
      }
    }
  }
  const { now, executed } = clock(items, line);
  const outputs = windows.length * g.K;
  const final = lines === 0 ? 0 : Math.ceil(outputs / line.postProcessing.inputs) * line.postProcessing.cycles;
  return { cycles: now + final, computeCycles: executed, counters };
}

/** The six stages, tick by tick. */
function clock(items: readonly PlainItem[], line: LineDetail): { now: number; executed: number } {
  const [M1, M2, EX, W1, W2, W3] = range(6);
  const stages: PlainItem[][] = range(6).map(() => []);
  const work = [...items];
  const ready = { read: 0, activations: 0, weights: 0, array: 0, output: 0, write: 0 };
  let [a, w, o, now, executed] = [0, 0, 0, 0, 0];
  const move = (from: number, to: number) => stages[to].push(stages[from].shift() as PlainItem);
  const fetch = () => {
    const next = stages[M1].length === 0 ? work.shift() : undefined;
    if (next !== undefined) stages[M1].push(next);
  };
  fetch();
  while (stages.some((stage) => stage.length > 0)) {
    if (stages[W3].length > 0 && ready.write <= now) {
      o -= 1;
      stages[W3].shift();
    }
    if (stages[W2].length > 0 && stages[W3].length === 0 && ready.output <= now) {
      ready.write = now + (stages[W2][0].output?.write ?? 0);
      move(W2, W3);
    }
    if (stages[W1].length > 0 && stages[W2].length === 0 && ready.array <= now) {
      ready.output = now + (stages[W1][0].output?.compose ?? 0) + line.outputBuffer.writeCycles;
      o += 1;
      move(W1, W2);
    }
    const inputsReady = ready.activations <= now && ready.weights <= now && ready.array <= now;
    if (stages[EX].length > 0 && o < line.outputBuffer.rows && inputsReady) {
      executed += 1;
      ready.array = now + 1;
      if (stages[EX][0].readsActivations) a -= 1;
      w -= 1;
      if (stages[EX][0].output === null) stages[EX].shift();
      else move(EX, W1);
    }
    if (stages[M2].length > 0 && stages[EX].length === 0 && ready.read <= now) {
      if (stages[M2][0].readsActivations) ready.activations = now + line.activationBuffer.readCycles;
      ready.weights = now + line.weightBuffer.readCycles;
      move(M2, EX);
    }
    if (stages[M1].length > 0 && a < line.activationBuffer.rows && w < line.weightBuffer.rows) {
      ready.read = Math.max(ready.read, now + stages[M1][0].readTicks);
      if (stages[M1][0].readsActivations) a += 1;
      w += 1;
      move(M1, M2);
    }
    now += 1;
    fetch();
  }
  return { now, executed };
}
