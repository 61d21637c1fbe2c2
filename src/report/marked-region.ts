/** The part of a page that a command writes, between two comments, so that what people write around it stays. */
import { InputError } from "../io/faults.ts";

const BEGIN = "<!-- written by swat-sim: begin -->";
const END = "<!-- written by swat-sim: end -->";

/**
 * `page` with `text` between its two marks, instead of what was there; where there is no page, one of marks and text.
 * @param where names the page in errors.
 * @throws Error where a page does not have each mark once, in order: nothing that somebody wrote is overwritten.
 */
export function withRegion(page: string | undefined, text: string, where: string): string {
  const region = `${BEGIN}\n${text.trim()}\n${END}`;
  if (page === undefined) return `${region}\n`;
  const [before, inside, ...more] = page.split(BEGIN);
  const [, after, ...others] = (inside ?? "").split(END);
  if (after === undefined || before.includes(END) || more.length + others.length > 0) {
    throw new InputError([`${where}: must hold the marks ${BEGIN} and ${END} once, in this order, to be written into`]);
  }
  return `${before}${region}${after}`;
}
