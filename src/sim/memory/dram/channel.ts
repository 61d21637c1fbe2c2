/**
 * One channel of a DRAM, command by command: of the waiting requests the one whose data command (CAS) is legal first goes next,
 * the older one of two. That is FR-FCFS as DRAMsim3 and Ramulator schedule, without their tick of every cycle.
 */
import type { DramDevice } from "./device.ts";
import { RequestLists } from "./request-lists.ts";
import { apply, BANK_TIMES, ChannelLayout, type Effects, effectsOf } from "./timing-constraints.ts";

/** Writes wait until there are so many, and then go together. */
export const WRITE_BATCH = 32;
/** Cycles for which the command bus is remembered; a power of two beyond any precharge before its CAS. */
const COMMANDS = 256;
/** Activations that tFAW counts. */
const ACTIVATION_WINDOW = 4;

/** Why the data bus of a channel carried no data. */
export const DRAM_STALLS = ["bankGroup", "activation", "row", "turnaround", "refresh", "queue"] as const;
/**
 * One of them. bankGroup: tCCD_L beyond the burst; activation: tFAW and tRRD; row: precharge and activation of the bank;
 * turnaround: between reads and writes, and between ranks; queue: no request had arrived, or the channel had finished.
 */
export type DramStall = (typeof DRAM_STALLS)[number];
const [BANK_GROUP, ACTIVATION, ROW, TURNAROUND, REFRESH, QUEUE] = DRAM_STALLS.keys();

/** What the channels of a device share: the times that are no rows of the table, and the table's effects. */
export class ChannelModel {
  readonly layout: ChannelLayout;
  readonly effects: Effects;
  readonly ranks: number;
  readonly tRCD: number;
  readonly tRP: number;
  readonly tRFC: number;
  readonly tREFI: number;
  readonly tFAW: number;
  /** From a CAS to its data, of reads and writes, and how long that takes. */
  readonly CL: number;
  readonly CWL: number;
  readonly burstCycles: number;
  readonly writeToRead: number;

  constructor(device: DramDevice) {
    const { timing, burstCycles } = device;
    this.layout = new ChannelLayout(device);
    this.effects = effectsOf(device, this.layout);
    this.ranks = device.ranks;
    this.tRCD = timing.tRCD;
    this.tRP = timing.tRP;
    this.tRFC = timing.tRFC;
    this.tREFI = timing.tREFI;
    this.tFAW = timing.tFAW;
    this.CL = timing.CL;
    this.CWL = timing.CWL;
    this.burstCycles = burstCycles;
    this.writeToRead = timing.CWL + burstCycles + timing.tWTR_L;
  }
}

/** A channel with its waiting requests. Times are cycles of the device. */
export class Channel {
  /** Requests to an open row, and to a bank without one. */
  hits = 0;
  misses = 0;
  activations = 0;
  written = 0;
  /** End of the last data. */
  dataEnd = 0;
  /** Idle cycles of the data bus by cause, in the order of `DRAM_STALLS`. */
  readonly stalls = new Float64Array(DRAM_STALLS.length);
  readonly lists: RequestLists;
  readonly #model: ChannelModel;
  readonly #openRow: Int32Array;
  /** Earliest cycles of commands, by the layout. */
  readonly #ready: Float64Array;
  /** Earliest CAS of the hit, and activation for the first request, as far as their bank goes; infinite where there is none. By list. */
  readonly #hitCas: Float64Array;
  readonly #missAct: Float64Array;
  /** Their numbers in the stream. */
  readonly #hitRequest: Int32Array;
  readonly #missRequest: Int32Array;
  /** The last activations of each rank, and which is the oldest. */
  readonly #window: Float64Array;
  readonly #oldest: Uint8Array;
  readonly #refreshEnd: Float64Array;
  readonly #nextRefresh: Float64Array;
  readonly #commands = new Float64Array(COMMANDS).fill(-1);
  readonly #latencies: Float64Array | undefined;
  #lastRank = -1;
  #lastWrite = 0;
  /** Writes that are still to go in this batch, and when the next batch was complete. */
  #draining = 0;
  #batchReady = 0;
  // What `#choose` found.
  #bestBank = -1;
  #bestIsHit = false;
  #bestCas = Number.POSITIVE_INFINITY;
  #bestArrival = 0;
  /** What the last activation waited for. */
  #actCause = ROW;

  /** @param latencies takes from arrival to the end of the data, by request, where given. */
  constructor(model: ChannelModel, latencies: Float64Array | undefined) {
    const { layout, ranks, tREFI } = model;
    this.#model = model;
    this.#latencies = latencies;
    this.#openRow = new Int32Array(layout.banks).fill(-1);
    this.lists = new RequestLists(this.#openRow);
    this.#ready = new Float64Array(layout.size);
    this.#hitCas = new Float64Array(2 * layout.banks).fill(Number.POSITIVE_INFINITY);
    this.#missAct = new Float64Array(2 * layout.banks).fill(Number.POSITIVE_INFINITY);
    this.#hitRequest = new Int32Array(2 * layout.banks);
    this.#missRequest = new Int32Array(2 * layout.banks);
    this.#window = new Float64Array(ranks * ACTIVATION_WINDOW).fill(Number.NEGATIVE_INFINITY);
    this.#oldest = new Uint8Array(ranks);
    this.#refreshEnd = new Float64Array(ranks);
    // Ranks refresh in turns.
    this.#nextRefresh = Float64Array.from({ length: ranks }, (_, rank) => Math.ceil(((rank + 1) * tREFI) / ranks));
  }

  get isEmpty(): boolean {
    return this.lists.waiting[0] + this.lists.waiting[1] === 0;
  }

  /** Lets a request wait. */
  accept(write: number, bank: number, request: number, row: number, arrival: number): void {
    const isNext = this.lists.append(write, bank, request, row, arrival);
    if (isNext) this.#update(write * this.#model.layout.banks + bank, bank);
    if (write === 1 && this.lists.waiting[write] === WRITE_BATCH) this.#batchReady = arrival;
  }

  /** Issues the request that goes next; returns the cycle of its CAS. */
  issue(): number {
    const write = this.#pick();
    const { layout, effects, tRCD } = this.#model;
    const bank = this.#bestBank;
    const isHit = this.#bestIsHit;
    const arrival = this.#bestArrival;
    const rank = layout.rankOfBank[bank];
    const isTurned = this.#lastWrite !== write || this.#lastRank !== rank;
    let cas = this.#bestCas;
    let cause = isTurned ? TURNAROUND : BANK_GROUP;
    if (isHit) {
      this.hits++;
      if (this.#ready[layout.bankCas + BANK_TIMES * bank] === cas) cause = ROW;
    } else {
      const act = this.#activate(write, bank);
      if (act + tRCD >= cas) {
        cas = act + tRCD;
        cause = this.#actCause;
      }
    }
    cas = this.#commandSlot(cas);
    apply(this.#ready, effects.cas[write][bank], cas);
    const slot = this.lists.take(write, bank, isHit);
    this.#update(bank, bank);
    this.#update(layout.banks + bank, bank);
    if (this.#draining > 0 && --this.#draining === 0) this.#batchReady = cas;
    this.#transfer(cas, write, arrival, cause);
    this.#lastRank = rank;
    if (this.#latencies !== undefined) this.#latencies[this.lists.request[slot]] = this.dataEnd - arrival;
    return cas;
  }

  /** Chooses the request that goes next, after the refreshes that are due before; returns 1 for a write. */
  #pick(): number {
    for (;;) {
      const write = this.#chooseKind();
      let due = -1;
      for (let rank = 0; rank < this.#nextRefresh.length; rank++) {
        if (this.#nextRefresh[rank] <= this.#bestCas) due = rank;
      }
      if (due < 0) return write;
      this.#refresh(due);
    }
  }

  /** Reads go first, unless writes make a full batch or delay no read. */
  #chooseKind(): number {
    if (this.#draining > 0) {
      this.#choose(1);
      return 1;
    }
    this.#choose(0);
    const { waiting } = this.lists;
    const writes = waiting[1];
    if (writes === 0) return 0;
    const readArrival = waiting[0] > 0 ? this.#bestArrival : Number.POSITIVE_INFINITY;
    if (writes >= WRITE_BATCH && this.#bestCas >= this.#batchReady) this.#draining = WRITE_BATCH;
    const { CL, writeToRead } = this.#model;
    if (this.#draining === 0 && readArrival + CL <= this.dataEnd) return 0;
    const bank = this.#bestBank;
    const isHit = this.#bestIsHit;
    const cas = this.#bestCas;
    this.#choose(1);
    if (this.#draining > 0) return 1;
    if (this.#bestCas + writeToRead <= readArrival) return 1;
    this.#bestBank = bank;
    this.#bestIsHit = isHit;
    this.#bestCas = cas;
    this.#bestArrival = readArrival;
    return 0;
  }

  /** Finds the read or write whose CAS is legal first. */
  #choose(write: number): void {
    const { layout, tRCD } = this.#model;
    const { groupOfBank, groupAct } = layout;
    const ready = this.#ready;
    const hitCas = this.#hitCas;
    const missAct = this.#missAct;
    const hitRequest = this.#hitRequest;
    const missRequest = this.#missRequest;
    const { lists } = this;
    const groupCas = layout.groupCas + write * layout.groups;
    const banks = lists.filled[write];
    const count = lists.filledCount[write];
    const first = write * layout.banks;
    let best = -1;
    let isHit = true;
    let bestCas = Number.POSITIVE_INFINITY;
    let bestRequest = 0;
    for (let i = 0; i < count; i++) {
      const bank = banks[i];
      const group = groupOfBank[bank];
      const bus = ready[groupCas + group];
      if (bus > bestCas) continue;
      const list = first + bank;
      const hit = hitCas[list];
      if (hit <= bestCas) {
        const cas = bus > hit ? bus : hit;
        const request = hitRequest[list];
        if (cas < bestCas || (cas === bestCas && request < bestRequest)) {
          best = bank;
          isHit = true;
          bestCas = cas;
          bestRequest = request;
        }
      }
      const act = missAct[list];
      if (act + tRCD > bestCas) continue;
      const ofGroup = ready[groupAct + group];
      const opened = (act > ofGroup ? act : ofGroup) + tRCD;
      const cas = bus > opened ? bus : opened;
      const request = missRequest[list];
      if (cas < bestCas || (cas === bestCas && request < bestRequest)) {
        best = bank;
        isHit = false;
        bestCas = cas;
        bestRequest = request;
      }
    }
    this.#bestBank = best;
    this.#bestIsHit = isHit;
    this.#bestCas = bestCas;
    if (best >= 0) this.#bestArrival = lists.arrival[isHit ? lists.hit[first + best] : lists.head[first + best]];
  }

  /** Opens the row of the first request of a list; returns the cycle of the activation. */
  #activate(write: number, bank: number): number {
    const { layout, effects, tRP, tFAW } = this.#model;
    const list = write * layout.banks + bank;
    const rank = layout.rankOfBank[bank];
    const group = layout.groupAct + layout.groupOfBank[bank];
    let act = Math.max(this.#missAct[list], this.#ready[group]);
    if (this.#openRow[bank] < 0) this.misses++;
    else act = this.#commandSlot(act - tRP) + tRP;
    act = this.#commandSlot(act);
    this.#actCause = act === this.#refreshEnd[rank] ? REFRESH : act === this.#ready[group] ? ACTIVATION : ROW;
    this.#openRow[bank] = this.lists.row[this.lists.head[list]];
    apply(this.#ready, effects.activate[bank], act);
    this.#window[rank * ACTIVATION_WINDOW + this.#oldest[rank]] = act;
    this.#oldest[rank] = (this.#oldest[rank] + 1) % ACTIVATION_WINDOW;
    const fifth = this.#window[rank * ACTIVATION_WINDOW + this.#oldest[rank]] + tFAW;
    const first = layout.groupAct + rank * layout.groupsOfRank;
    for (let slot = first; slot < first + layout.groupsOfRank; slot++) {
      if (fifth > this.#ready[slot]) this.#ready[slot] = fifth;
    }
    this.activations++;
    return act;
  }

  /** Closes the rows of a rank and holds its banks until the refresh is over. */
  #refresh(rank: number): void {
    const { layout, tRP, tRFC, tREFI } = this.#model;
    const { bankAct, bankPre, banksOfRank } = layout;
    const ready = this.#ready;
    const first = rank * banksOfRank;
    const next = this.#nextRefresh[rank];
    let start = next;
    for (let bank = first; bank < first + banksOfRank; bank++) {
      const isOpen = this.#openRow[bank] >= 0;
      start = Math.max(
        start,
        isOpen ? Math.max(next, ready[bankPre + BANK_TIMES * bank]) + tRP : ready[bankAct + BANK_TIMES * bank],
      );
    }
    for (let bank = first; bank < first + banksOfRank; bank++) {
      this.#openRow[bank] = -1;
      this.lists.close(bank);
      ready[bankAct + BANK_TIMES * bank] = start + tRFC;
      this.#update(bank, bank);
      this.#update(layout.banks + bank, bank);
    }
    this.#refreshEnd[rank] = start + tRFC;
    this.#nextRefresh[rank] += tREFI;
  }

  /** Works out anew when a list's hit and its first request could go, as far as their bank goes. */
  #update(list: number, bank: number): void {
    const { lists } = this;
    const { bankAct, bankCas, bankPre } = this.#model.layout;
    const first = lists.head[list];
    const hit = lists.hit[list];
    if (hit < 0) this.#hitCas[list] = Number.POSITIVE_INFINITY;
    else {
      this.#hitCas[list] = Math.max(this.#ready[bankCas + BANK_TIMES * bank], lists.arrival[hit]);
      this.#hitRequest[list] = lists.request[hit];
    }
    if (first === hit) {
      this.#missAct[list] = Number.POSITIVE_INFINITY;
      return;
    }
    this.#missRequest[list] = lists.request[first];
    const arrival = lists.arrival[first];
    const closed =
      this.#openRow[bank] < 0 ? arrival : Math.max(arrival, this.#ready[bankPre + BANK_TIMES * bank]) + this.#model.tRP;
    this.#missAct[list] = Math.max(closed, this.#ready[bankAct + BANK_TIMES * bank]);
  }

  /** Takes the first free cycle of the command bus from `time` on. */
  #commandSlot(time: number): number {
    const commands = this.#commands;
    let at = time;
    while (commands[at & (COMMANDS - 1)] === at) at++;
    commands[at & (COMMANDS - 1)] = at;
    return at;
  }

  /** Moves the data of a CAS, and gives the idle cycles before it to `cause`, as far as the request had arrived. */
  #transfer(cas: number, write: number, arrival: number, cause: number): void {
    const { CL, CWL, burstCycles } = this.#model;
    const latency = write === 1 ? CWL : CL;
    const gap = cas + latency - this.dataEnd;
    const idle = Math.min(gap, Math.max(0, latency + arrival - this.dataEnd));
    this.stalls[QUEUE] += idle;
    this.stalls[cause] += gap - idle;
    this.dataEnd = cas + latency + burstCycles;
    this.#lastWrite = write;
    this.written += write;
  }

  /** Gives the bus up from the end of its data to `cycle`. */
  finish(cycle: number): void {
    this.stalls[QUEUE] += cycle - this.dataEnd;
  }
}
