/**
 * Which command must wait how long for which other one, as a table (JESD79-4 and the like; Ramulator keeps its standards so). A row
 * says: after `after`, a `before` in `scope` has to wait for `cycles`. A precharge is issued on demand, tRP before its
 * activation, and a refresh occupies its rank for tRFC: both are part of when a bank is ready, not rows.
 */
import type { DramDevice } from "./device.ts";

/** ACT opens a row, PRE closes it, RD and WR are the data commands (CAS). */
type Command = "ACT" | "PRE" | "RD" | "WR";
/** Of the later command as seen from the earlier one: the same bank, the same bank group, another group of the rank, another rank. */
type Scope = "bank" | "group" | "rank" | "channel";

interface Constraint {
  readonly after: Command;
  readonly before: Command | "CAS";
  readonly scope: Scope;
  readonly cycles: number;
}

/** Bubble between read data and write data on the bus, as DRAMsim3 counts it: tRPRE + tRTRS. */
const READ_TO_WRITE_BUBBLE = 2;

/** Least cycles from one CAS to the next: [first writes][second writes][same bank group, same rank, another rank]. */
export function casSpacing({ timing, burstCycles: BL }: DramDevice): readonly (readonly (readonly number[])[])[] {
  const { CL, CWL, tCCD_S, tCCD_L, tWTR_S, tWTR_L, tRTRS } = timing;
  const sameKind = [Math.max(tCCD_L, BL), Math.max(tCCD_S, BL), BL + tRTRS];
  const readToWrite = Math.max(1, CL + BL + READ_TO_WRITE_BUBBLE - CWL);
  const readToWriteOther = Math.max(1, CL + BL + tRTRS - CWL);
  const writeToReadOther = Math.max(1, CWL + BL + tRTRS - CL);
  return [
    [sameKind, [readToWrite, readToWrite, readToWriteOther]],
    [[CWL + BL + tWTR_L, CWL + BL + tWTR_S, writeToReadOther], sameKind],
  ];
}

function constraintsOf(device: DramDevice): readonly Constraint[] {
  const { tRCD, tRAS, tRC, tRRD_L, tRRD_S, tRTP, tWR, CWL } = device.timing;
  const kinds = ["RD", "WR"] as const;
  const scopes = ["group", "rank", "channel"] as const;
  const spacing = casSpacing(device).flatMap((seconds, first) =>
    seconds.flatMap((cycles, second) =>
      scopes.map((scope, i) => ({ after: kinds[first], before: kinds[second], scope, cycles: cycles[i] })),
    ),
  );
  return [
    { after: "ACT", before: "ACT", scope: "bank", cycles: tRC },
    { after: "ACT", before: "CAS", scope: "bank", cycles: tRCD },
    { after: "ACT", before: "PRE", scope: "bank", cycles: tRAS },
    { after: "ACT", before: "ACT", scope: "group", cycles: tRRD_L },
    { after: "ACT", before: "ACT", scope: "rank", cycles: tRRD_S },
    { after: "RD", before: "PRE", scope: "bank", cycles: tRTP },
    { after: "WR", before: "PRE", scope: "bank", cycles: CWL + device.burstCycles + tWR },
    ...spacing,
  ];
}

/** Times of each bank: of its ACT, CAS and PRE. */
export const BANK_TIMES = 3;

/** The banks of a channel, and where its array of ready times has what: those of each bank, then of each bank group. */
export class ChannelLayout {
  readonly banks: number;
  readonly banksOfRank: number;
  readonly groups: number;
  readonly groupsOfRank: number;
  readonly groupOfBank: Uint8Array;
  readonly rankOfBank: Uint8Array;
  readonly bankAct: number;
  readonly bankCas: number;
  readonly bankPre: number;
  readonly groupAct: number;
  /** Of reads; those of writes follow. */
  readonly groupCas: number;
  readonly size: number;

  constructor({ ranks, bankGroups, banksPerGroup }: DramDevice) {
    this.groups = ranks * bankGroups;
    this.groupsOfRank = bankGroups;
    this.banks = this.groups * banksPerGroup;
    this.banksOfRank = bankGroups * banksPerGroup;
    this.groupOfBank = Uint8Array.from({ length: this.banks }, (_, bank) => Math.floor(bank / banksPerGroup));
    this.rankOfBank = Uint8Array.from({ length: this.banks }, (_, bank) => Math.floor(bank / this.banksOfRank));
    this.bankAct = 0;
    this.bankCas = 1;
    this.bankPre = 2;
    this.groupAct = BANK_TIMES * this.banks;
    this.groupCas = this.groupAct + this.groups;
    this.size = this.groupCas + 2 * this.groups;
  }
}

/** What a command to one bank makes wait: neighbouring slots of the array of ready times, and each for how long. */
export interface Effect {
  readonly start: number;
  readonly cycles: Int32Array;
}

/** The table as effects of each command on each bank; of reads, then of writes. */
export interface Effects {
  readonly activate: readonly (readonly Effect[])[];
  readonly cas: readonly [readonly (readonly Effect[])[], readonly (readonly Effect[])[]];
}

/** Works the table out for the banks of a channel. */
export function effectsOf(device: DramDevice, layout: ChannelLayout): Effects {
  const constraints = constraintsOf(device);
  const banks = Array.from({ length: layout.banks }, (_, bank) => bank);
  const of = (command: Command) => {
    const rows = constraints.filter(({ after }) => after === command);
    return banks.map((bank) =>
      runsOf(rows.flatMap((row) => slotsOf(row, bank, layout).map((slot) => ({ slot, cycles: row.cycles })))),
    );
  };
  return { activate: of("ACT"), cas: [of("RD"), of("WR")] };
}

function runsOf(waits: { readonly slot: number; readonly cycles: number }[]): Effect[] {
  const sorted = [...waits].sort((a, b) => a.slot - b.slot);
  const starts = sorted.filter(({ slot }, i) => i === 0 || sorted[i - 1].slot !== slot - 1);
  return starts.map(({ slot: start }, i) => {
    const end = starts[i + 1]?.slot ?? Number.POSITIVE_INFINITY;
    const run = sorted.filter(({ slot }) => slot >= start && slot < end);
    return { start, cycles: Int32Array.from(run, ({ cycles }) => cycles) };
  });
}

function slotsOf({ before, scope }: Constraint, bank: number, layout: ChannelLayout): number[] {
  const { groupOfBank, groups, groupsOfRank, bankAct, bankCas, bankPre, groupAct, groupCas } = layout;
  if (scope === "bank")
    return [{ ACT: bankAct, CAS: bankCas, PRE: bankPre, RD: bankCas, WR: bankCas }[before] + BANK_TIMES * bank];
  const own = groupOfBank[bank];
  const rankOf = (group: number) => Math.floor(group / groupsOfRank);
  const scopeOf = (group: number): Scope =>
    group === own ? "group" : rankOf(group) === rankOf(own) ? "rank" : "channel";
  const base = { ACT: groupAct, PRE: groupAct, RD: groupCas, CAS: groupCas, WR: groupCas + groups }[before];
  return Array.from({ length: groups }, (_, group) => group)
    .filter((group) => scopeOf(group) === scope)
    .map((group) => base + group);
}

/** Lets the effects of a command at cycle `at` take hold. */
export function apply(ready: Float64Array, effects: readonly Effect[], at: number): void {
  for (let k = 0; k < effects.length; k++) {
    const { start, cycles } = effects[k];
    for (let i = 0; i < cycles.length; i++) {
      const time = at + cycles[i];
      if (time > ready[start + i]) ready[start + i] = time;
    }
  }
}
