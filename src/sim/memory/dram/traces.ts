/** Lists of requests in the formats of other DRAM simulators, so that anyone can replay them there. */
import type { RequestList } from "./patterns.ts";

/** Formats by name. */
export const DRAM_TRACE_FORMATS = {
  /** DRAMsim3: `0xADDRESS READ cycle`, every request as soon as it can go. */
  dramsim3: (list: RequestList) => lines(list, (address, write) => `${address} ${write ? "WRITE" : "READ"} 0`),
  /** Ramulator 2 LoadStoreTrace: `LD 0xADDRESS` and `ST 0xADDRESS`. */
  ramulator2: (list: RequestList) => lines(list, (address, write) => `${write ? "ST" : "LD"} ${address}`),
} as const;

function lines({ addresses, writes }: RequestList, line: (address: string, write: boolean) => string): string {
  return Array.from(addresses, (address, index) => `${line(`0x${address.toString(16)}`, writes[index] !== 0)}\n`).join(
    "",
  );
}
