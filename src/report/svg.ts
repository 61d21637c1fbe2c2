/** Draws a Vega-Lite specification as SVG, without a browser. The libraries are loaded when something is drawn. */
import type { TopLevelSpec } from "vega-lite";
import { visibleLines } from "../core/input/visible-text.ts";

/** The text of the SVG file of a Vega-Lite specification; the same one gives the same text. */
export async function renderSvg(spec: object): Promise<string> {
  const { compile, parse, View } = await import("./vega.ts");
  const view = new View(parse(compile(spec as TopLevelSpec).spec), { renderer: "none" });
  const svg = await view.toSVG();
  view.finalize();
  return `${visibleLines(svg)}\n`;
}
