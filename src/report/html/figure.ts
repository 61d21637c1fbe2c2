/** A chart in a page, below its title and note. */
import { type Chart, inlineSvg } from "../charts/chart.ts";
import { html, Markup } from "./template.ts";

/** The chart as a `<figure>` with its id; what does not fit scrolls. */
export async function figure(chart: Chart): Promise<Markup> {
  return html`<figure id="${chart.id}"><figcaption><b>${chart.title}</b><p>${chart.note}</p></figcaption>
<div class="scroll">${new Markup(await inlineSvg(chart))}</div></figure>
`;
}
