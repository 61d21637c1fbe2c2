/**
 * The only program in the page: a click on the head of a column sorts its table, a second click the other way round; a choice
 * shows what it names of a group.
 */

/** JavaScript for browsers. It builds no markup from anything. */
export const SCRIPT = `"use strict";
for (const select of document.querySelectorAll("select")) {
  const show = () => {
    for (const part of document.querySelectorAll("[data-group]"))
      if (part.dataset.group === select.dataset.shows) part.hidden = part.dataset.name !== select.value;
  };
  select.addEventListener("change", show);
  show();
}
for (const table of document.querySelectorAll("table")) {
  const heads = [...table.tHead.rows[0].cells];
  const body = table.tBodies[0];
  heads.forEach((head, column) => {
    const isNumber = head.classList.contains("n");
    // What has no value stays last, whatever the direction.
    const valueOf = (row) => {
      const { dataset, textContent } = row.cells[column];
      return isNumber ? (dataset.v === undefined ? null : Number(dataset.v)) : textContent;
    };
    const compare = (a, b) => (isNumber ? a - b : a < b ? -1 : a > b ? 1 : 0);
    head.querySelector("button").addEventListener("click", () => {
      const descending = head.ariaSort === "none" || head.ariaSort === null ? isNumber : head.ariaSort === "ascending";
      for (const other of heads) other.removeAttribute("aria-sort");
      head.setAttribute("aria-sort", descending ? "descending" : "ascending");
      const rows = [...body.rows].map((row) => ({ row, value: valueOf(row) }));
      rows.sort((a, b) => {
        if (a.value === null || b.value === null) return (a.value === null) - (b.value === null);
        return descending ? compare(b.value, a.value) : compare(a.value, b.value);
      });
      body.append(...rows.map(({ row }) => row));
    });
  });
}
`;
