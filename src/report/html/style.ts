/** The look of the page: one column, charts that scroll sideways where it is narrow, light, dark and paper. */

/** CSS. Charts take the colour of the text. */
export const STYLE = `
:root { color-scheme: light dark; --text: #1b1f24; --soft: #57606a; --back: #ffffff; --card: #f6f8fa; --line: #d0d7de; --link: #0060a0; }
@media (prefers-color-scheme: dark) {
  :root { --text: #e6e8eb; --soft: #a3abb4; --back: #14171b; --card: #1c2026; --line: #3a414a; --link: #7cc4f5; }
}
@media screen and (prefers-color-scheme: dark) {
  /* The darkest of the palette is too dark for thin lines. */
  svg [stroke="#0072b2"] { stroke: #2b8cc9; }
}
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 78rem; padding: 1.5rem 1rem 4rem; color: var(--text); background: var(--back); font: 15px/1.5 system-ui, sans-serif; }
h1 { font-size: 1.6rem; margin: 0 0 .3rem; }
h2 { font-size: 1.25rem; margin: 2.2rem 0 .5rem; border-bottom: 1px solid var(--line); padding-bottom: .2rem; }
h3 { font-size: 1rem; margin: 1.2rem 0 .2rem; }
p { margin: .2rem 0 .6rem; max-width: 52rem; }
a { color: var(--link); }
nav { display: flex; flex-wrap: wrap; gap: .2rem 1rem; margin: .8rem 0; }
.estimates { border: 1px solid var(--line); border-left: 4px solid var(--link); background: var(--card); padding: .5rem .8rem; }
.soft, figcaption p, details > p { color: var(--soft); font-size: .9rem; }
.cards { display: grid; grid-template-columns: repeat(auto-fit, minmax(13rem, 1fr)); gap: .8rem; margin: 1rem 0; padding: 0; list-style: none; }
.cards li { background: var(--card); border: 1px solid var(--line); border-radius: 6px; padding: .7rem .9rem; }
.cards b { display: block; font-size: 1.5rem; line-height: 1.25; }
.cards span { color: var(--soft); font-size: .85rem; overflow-wrap: anywhere; }
figure { margin: 1.4rem 0; }
figcaption b { font-size: 1rem; }
.scroll { overflow-x: auto; max-width: 100%; }
figure svg { display: block; height: auto; }
table { border-collapse: collapse; font-size: .82rem; font-variant-numeric: tabular-nums; }
td, th { padding: .2rem .45rem; border-bottom: 1px solid var(--line); text-align: left; vertical-align: bottom; unicode-bidi: isolate; }
td { white-space: nowrap; vertical-align: top; }
.w { white-space: normal; overflow-wrap: anywhere; min-width: 20rem; }
.n { text-align: right; }
th button { all: unset; cursor: pointer; font-weight: 600; }
th button:focus-visible { outline: 2px solid var(--link); outline-offset: 2px; }
th[aria-sort=ascending] button::after { content: " ▲"; }
th[aria-sort=descending] button::after { content: " ▼"; }
tbody tr:hover { background: var(--card); }
details { margin: .8rem 0; }
summary { cursor: pointer; font-weight: 600; overflow-wrap: anywhere; }
pre { background: var(--card); border: 1px solid var(--line); border-radius: 6px; padding: .7rem; font-size: .8rem; overflow-x: auto; }
code { overflow-wrap: anywhere; }
@media print {
  :root { color-scheme: light; --text: #000000; --soft: #333333; --back: #ffffff; --card: #ffffff; --line: #bbbbbb; --link: #000000; }
  * { print-color-adjust: exact; }
  body { max-width: none; padding: 0; font-size: 10pt; }
  nav, a[download], details:not([open]), .folded:not(:has(details[open])) { display: none; }
  h2, h3, figcaption, summary { break-after: avoid; }
  figure, tr, .cards li { break-inside: avoid; }
  .scroll { overflow: visible; }
  figure svg { max-width: 100%; max-height: 22cm; }
  table { font-size: 7.5pt; }
  td, th { padding: .1rem .25rem; }
  td:not(.n) { white-space: normal; }
  .w { min-width: 6rem; }
}
`;
