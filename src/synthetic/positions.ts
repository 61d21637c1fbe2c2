/** Where in its training a synthetic step is: how many images the network was trained on. */

/** Names of positions, and the images that they stand for (docs/synthetic-traces.md). */
export const POSITIONS: Readonly<Record<"early" | "middle" | "late", number>> = {
  early: 1_000,
  middle: 10_000,
  late: 50_000,
};
/** A position by name, or a number of images. */
export type Position = keyof typeof POSITIONS | number;

/** Masks of an untrained network flatter machines that wait, so that the last one is taken where nobody says. */
export const DEFAULT_POSITION: Position = "late";

/** Images that a position stands for. */
export function trainedImages(position: Position): number {
  return typeof position === "number" ? position : POSITIONS[position];
}
