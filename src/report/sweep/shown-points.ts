/** Which points of a long sweep a page shows: it stays small enough to read, and says what it leaves out. */
import { grouped } from "../numbers.ts";
import { costOf, paretoFront } from "./sweep-front.ts";
import type { MeasuredPoint } from "./sweep-points.ts";

const MOST_POINTS = 2000;

/** Points in their order, and a sentence where others are left out. */
export interface ShownPoints {
  readonly shown: readonly MeasuredPoint[];
  readonly note: string;
}

/** Up to 2,000 points are all shown. Of more the front, the extremes of every metric, what is in `always`, and others at equal distances. */
export function shownPoints(points: readonly MeasuredPoint[], always: Iterable<MeasuredPoint> = []): ShownPoints {
  if (points.length <= MOST_POINTS) return { shown: points, note: "" };
  const kept = new Set([...paretoFront(points, costOf(points)), ...extremes(points), ...always]);
  const others = points.filter((point) => !kept.has(point));
  const count = Math.max(0, MOST_POINTS - kept.size);
  for (let i = 0; i < count; i++) kept.add(others[Math.floor((i * others.length) / count)]);
  const shown = points.filter((point) => kept.has(point));
  const note = `${grouped(shown.length)} of ${grouped(points.length)} points are shown: the front, the smallest and largest of every metric, and others at equal distances. The file of the sweep has all.`;
  return { shown, note };
}

/** Of every metric a point with the smallest value, one with the largest, and one that does not have it. */
function extremes(points: readonly MeasuredPoint[]): MeasuredPoint[] {
  const keys = Object.keys(points[0].metrics) as (keyof MeasuredPoint["metrics"])[];
  return keys.flatMap((key) => {
    const metricOf = ({ metrics }: MeasuredPoint) => metrics[key] ?? null;
    const known = points.filter((point) => metricOf(point) !== null);
    const best = (isBetter: (a: number, b: number) => boolean) =>
      known.reduce(
        (best, point) => (isBetter(Number(metricOf(point)), Number(metricOf(best))) ? point : best),
        known[0],
      );
    const unknown = points.find((point) => metricOf(point) === null);
    return [...(known.length === 0 ? [] : [best((a, b) => a < b), best((a, b) => a > b)]), unknown ?? []].flat();
  });
}
