/** The search of TensorDash as published (Mahmoud et al., MICRO 2020, Fig. 9), in its order: lines ahead, and lanes aside. */
export const PUBLISHED_OFFSETS: [number, number][] = [
  [1, 0],
  [2, 0],
  [1, -1],
  [1, 1],
  [2, -2],
  [2, 2],
  [1, -3],
];
