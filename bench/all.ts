/** `npm run bench`: every bench in turn, each printing its own table of ratios. */
const benches = [
  "start",
  "step",
  "conv-simd",
  "elementwise",
  "top-k",
  "conv",
  "scheduler",
  "machines",
  "dram",
  "sweep",
  "reach",
];

for (const name of benches) {
  console.log(`\n== ${name}`);
  await import(`./${name}.ts`);
}
