/**
 * Speed of the DRAM models: requests a second of the request model, and what one closed form costs in requests of it. Run
 * with `npx tsx bench/dram.ts [requests] [rounds]`.
 */
import { effectiveBandwidth } from "../src/sim/memory/dram/closed-form.ts";
import { resolveDram } from "../src/sim/memory/dram/device.ts";
import { tileRequests } from "../src/sim/memory/dram/patterns.ts";
import { simulateRequests } from "../src/sim/memory/dram/requests.ts";
import { compare } from "./ratio.ts";

const requests = Number(process.argv[2] ?? 100_000);
const rounds = Number(process.argv[3] ?? 5);
const CLOSED_FORMS = 10_000;

console.log(
  `${requests} requests, ${rounds} rounds; million requests/s, µs a closed form, one closed form in requests`,
);
for (const preset of ["DDR4-3200", "LPDDR4-3200", "HBM2", "HBM2e"]) {
  const device = resolveDram({ preset }, "bench");
  for (const chunkBytes of [device.burstBytes, 1024, 65536]) {
    const pattern = { readBytes: 2, writeBytes: 1, chunkBytes, streams: 3 };
    const { addresses, writes } = tileRequests(device, pattern, requests, "bench/dram");
    const times = compare(
      {
        simulated: () => void simulateRequests(device, addresses, writes),
        closed: () => {
          for (let i = 0; i < CLOSED_FORMS; i++) effectiveBandwidth(device, pattern);
        },
      },
      { rounds },
    );
    const perRequest = times.simulated / requests;
    const perClosedForm = times.closed / CLOSED_FORMS;
    const cells = [1e-3 / perRequest, perClosedForm * 1e3, perClosedForm / perRequest].map((cell) => cell.toFixed(2));
    console.log(`${preset} ${chunkBytes} B`.padEnd(24) + cells.map((cell) => cell.padStart(10)).join(""));
  }
}
