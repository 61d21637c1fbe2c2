/** What is used of vega and vega-lite. The build makes one file of it, so that neither has to be installed. */
export { parse, View } from "vega";
export { compile } from "vega-lite";
