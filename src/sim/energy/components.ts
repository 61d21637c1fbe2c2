/** Parts of an op's energy that every machine has, in the order in which they are added up; its levels come before DRAM. */
export const COMPONENTS = [
  "mac",
  "register",
  "skipping",
  "vector",
  "dram activate",
  "dram transfer",
  "dram background",
] as const;
