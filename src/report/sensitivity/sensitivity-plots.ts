/** The plots of the sensitivity study as Vega-Lite specifications: one line for each thing that is dropped. */
import type { TopLevelSpec } from "vega-lite";
import type { Curve } from "./sensitivity.ts";

const WIDTH = 480;
const HEIGHT = 320;
const PERCENT = 100;

/** Test accuracy over sparsity. */
export function accuracyOverSparsity(curves: readonly Curve[], title: string): TopLevelSpec {
  return plot(curves, title, { field: "sparsity", title: "sparsity (%)" });
}

/** Test accuracy over speed-up on the machine; the points of a line are in the order of their sparsity. */
export function accuracyOverSpeedup(curves: readonly Curve[], title: string): TopLevelSpec {
  return plot(curves, title, { field: "speedup", title: "speed-up of forward, inputGrad and weightGrad (×)" });
}

function plot(curves: readonly Curve[], title: string, x: { field: string; title: string }): TopLevelSpec {
  const values = curves.flatMap(({ label, points }) =>
    points.flatMap(({ sparsity, accuracy, standardError, speedup }) =>
      accuracy === null
        ? []
        : {
            dropped: label,
            sparsity: PERCENT * sparsity,
            speedup,
            accuracy: PERCENT * accuracy,
            low: PERCENT * (accuracy - (standardError ?? 0)),
            high: PERCENT * (accuracy + (standardError ?? 0)),
          },
    ),
  );
  const color = {
    field: "dropped",
    type: "nominal" as const,
    sort: curves.map(({ label }) => label),
    legend: { labelLimit: 0 },
  };
  const horizontal = { ...x, type: "quantitative" as const, scale: { zero: false } };
  const vertical = { type: "quantitative" as const, title: "test accuracy (%)", scale: { zero: false } };
  return {
    $schema: "https://vega.github.io/schema/vega-lite/v6.json",
    title,
    width: WIDTH,
    height: HEIGHT,
    data: { values },
    layer: [
      {
        mark: { type: "line", point: true },
        encoding: {
          x: horizontal,
          y: { ...vertical, field: "accuracy" },
          color,
          order: { field: "sparsity", type: "quantitative" },
        },
      },
      {
        mark: "rule",
        encoding: { x: horizontal, y: { ...vertical, field: "low" }, y2: { field: "high" }, color },
      },
    ],
  };
}
