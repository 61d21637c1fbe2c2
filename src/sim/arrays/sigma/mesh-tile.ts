/**
 * Cycles of one tile of the output-stationary mesh: values enter at the top of each column and at the left of each row, one
 * reduction index after the other, and move on one place a cycle; every place adds up one result. A port feeds its rows
 * and columns in turn. Values of the last index arrive last, so that each place's last product has a closed form; only the
 * bus and the drain are played. Source: STONNE 22634b8b.
 */
import { createCollection } from "./collection.ts";
import { type NetworkParams, placesPerPort } from "./network-params.ts";

/** The mesh as a tile sees it. */
export interface MeshParams extends Omit<NetworkParams, "batch"> {
  readonly rows: number;
  readonly columns: number;
}

/** Cycles of a tile, as of `IterationCost`. */
export interface TileCost {
  readonly alone: number;
  /** Cycles for which the ports or the bus are busy with it. */
  readonly busy: number;
}

/** From a last product to the bus. */
const TO_BUS = 2;
/** Configuration, and the cycle of the clock's zero. */
const AROUND = 2;

/** Times a tile of `height` rows and `width` columns that reduces over `length`; all at least 1. */
export function tileCost(mesh: MeshParams, height: number, width: number, length: number): TileCost {
  const { rows, columns, reductionBandwidth, bus, drain } = mesh;
  const perPort = placesPerPort("mesh", rows + columns, mesh.distributionBandwidth);
  const switchDelay = perPort > 1 ? 1 : 0;
  const places = [...Array(width).keys(), ...Array.from({ length: height }, (_, row) => columns + row)];
  const packets = new Map<number, number>();
  const ranks = places.map((place) => {
    const port = Math.floor(place / perPort);
    const rank = packets.get(port) ?? 0;
    packets.set(port, rank + 1);
    return rank;
  });
  const last = places.map(
    (place, i) => (length - 1) * (packets.get(Math.floor(place / perPort)) ?? 0) + ranks[i] + switchDelay,
  );
  // When the last values reach column j at the top and row i at the left, no earlier than those of the places before.
  const top = waves(last.slice(0, width));
  const left = waves(last.slice(width));

  const capacity = bus === "hashed" ? 1 : reductionBandwidth;
  const lines = bus === "hashed" ? Math.min(reductionBandwidth, rows * columns) : 1;
  const members: number[][] = Array.from({ length: lines }, () => []);
  let latest = 0;
  for (let i = 0; i < height; i++) {
    for (let j = 0; j < width; j++) {
      const ready = Math.max(top[j] + i, left[i] + j) + TO_BUS;
      latest = Math.max(latest, ready);
      members[bus === "hashed" ? (i * columns + j) % reductionBandwidth : 0].push(ready);
    }
  }
  const mostSharing = Math.max(...members.map((results) => results.length));
  const onBus = Math.ceil(mostSharing / capacity);
  const collection = createCollection(latest + onBus + 2);
  for (const results of members) {
    for (const ready of results) collection.ready(ready);
    collection.closeLine(capacity);
  }
  return {
    alone: collection.end(drain) + AROUND,
    busy: Math.max(length * Math.max(...packets.values()), onBus),
  };
}

/** Each entry, or one more than the entry before if that is later. */
function waves(times: readonly number[]): number[] {
  const out: number[] = [];
  times.forEach((time, i) => {
    out.push(i === 0 ? time : Math.max(time, out[i - 1] + 1));
  });
  return out;
}
