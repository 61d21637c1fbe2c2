/** Drawn masks have the statistics asked for, by closed formulas and by measuring them. */
import { describe, expect, it, test } from "vitest";
import { type BitMask, getBit, onesMask } from "../../../src/kernels/bit-mask.ts";
import { randomStream } from "../../../src/kernels/random.ts";
import { drawRectified, drawWeights } from "../../../src/studies/synthetic/draw.ts";
import { above, largest } from "../../../src/studies/synthetic/masks.ts";
import { activationPattern, weightPattern } from "../../../src/studies/synthetic/measure.ts";
import { bothAbove, normalCdf, normalNodes } from "../../../src/studies/synthetic/normal.ts";
import { SYNTHETIC_DEFAULTS, type SyntheticSettings } from "../../../src/studies/synthetic/settings.ts";

const FLAT: SyntheticSettings = {
  ...SYNTHETIC_DEFAULTS,
  ...{ filterSpread: 0, channelSpread: 0, offsets: 0, common: 0, correlation: 0 },
};

function activation(shape: readonly number[], settings: Partial<SyntheticSettings>): BitMask {
  return above(drawRectified(shape, { ...FLAT, ...settings }, randomStream(1, "activation")), shape, 0);
}

function weight(shape: readonly number[], density: number, settings: Partial<SyntheticSettings>): BitMask {
  const values = drawWeights(shape, { ...FLAT, ...settings }, randomStream(1, "weight"));
  return largest(values.map(Math.abs), shape, Math.ceil(density * values.length));
}

describe("two correlated normal deviates", () => {
  it.each([0, 0.3, 0.7, 0.95])("are both positive with probability 1/4 + arcsin(%d)/2π", (r) => {
    expect(bothAbove(0, r)).toBeCloseTo(1 / 4 + Math.asin(r) / (2 * Math.PI), 12);
  });

  it.each([-1.5, 0.4, 2])("are independent at correlation 0, one at 1: above %d", (t) => {
    expect(bothAbove(t, 0)).toBeCloseTo(normalCdf(-t) ** 2, 12);
    expect(bothAbove(t, 1)).toBeCloseTo(normalCdf(-t), 4);
  });
});

test("nodes that stand for a normal deviate have its mean and variance", () => {
  const nodes = normalNodes(16);
  expect(nodes.reduce((sum, z) => sum + z, 0)).toBeCloseTo(0, 6);
  expect(nodes.reduce((sum, z) => sum + z * z, 0) / 16).toBeCloseTo(1, 12);
});

describe("a field", () => {
  const [N, C, H, W] = [8, 64, 12, 20];
  const r = 0.8;
  const mask = activation([N, C, H, W], { correlation: r });

  /** Of pairs (y, x) apart, in images and channels beside each other or the same, the share in which both are positive. */
  function together(dy: number, dx: number, otherImage: boolean, otherChannel: boolean): number {
    let [pairs, both] = [0, 0];
    for (let n = 0; n < N; n++) {
      for (let c = 0; c < C; c++) {
        const [n2, c2] = [otherImage ? (n + 1) % N : n, otherChannel ? (c + 1) % C : c];
        for (let y = 0; y + dy < H; y++) {
          for (let x = 0; x + dx < W; x++) {
            pairs++;
            const here = getBit(mask, n, (c * H + y) * W + x);
            if (here && getBit(mask, n2, (c2 * H + y + dy) * W + x + dx)) both++;
          }
        }
      }
    }
    return both / pairs;
  }

  it.each([
    [0, 1],
    [1, 0],
    [2, 3],
    [0, 6],
  ])("correlates pixels (%i, %i) apart by r^(y + x)", (dy, dx) => {
    // Of 512 planes of few independent patches each, the share of pairs varies by about 0.01.
    expect(together(dy, dx, false, false)).toBeCloseTo(1 / 4 + Math.asin(r ** (dy + dx)) / (2 * Math.PI), 1.5);
  });

  it("knows nothing of other channels and images", () => {
    expect(together(0, 0, false, true)).toBeCloseTo(1 / 4, 1.5);
    expect(together(0, 0, true, false)).toBeCloseTo(1 / 4, 1.5);
  });
});

describe("what is measured of drawn activations is what was asked for", () => {
  it.each([
    { offsets: 0, common: 0, correlation: 0 },
    { offsets: 0.3, common: 0, correlation: 0.5 },
    { offsets: 0, common: 0.3, correlation: 0.5 },
    { offsets: 0.2, common: 0.1, correlation: 0.8 },
  ])("%j", (asked) => {
    for (const naturalDensity of [0.3, 0.6]) {
      const found = activationPattern(activation([16, 256, 12, 12], { ...asked, naturalDensity }));
      for (const name of ["offsets", "common", "correlation"] as const) {
        // Offsets of 256 channels tell their variance to 9 percent, twice over.
        const slack = 0.02 + (name === "offsets" ? 0.2 : 0.1) * asked[name];
        expect(Math.abs((found?.[name] as number) - asked[name]), `${name} of ${found?.[name]}`).toBeLessThan(slack);
      }
    }
  });
});

describe("what is measured of drawn weights is what was asked for", () => {
  it.each([
    { filterSpread: 0, channelSpread: 0 },
    { filterSpread: 0.5, channelSpread: 0 },
    { filterSpread: 0, channelSpread: 0.5 },
    { filterSpread: 0.4, channelSpread: 0.2 },
  ])("%j", (asked) => {
    for (const density of [0.1, 0.3]) {
      const found = weightPattern(weight([256, 256, 3, 3], density, asked));
      for (const name of ["filterSpread", "channelSpread"] as const) {
        expect(Math.abs((found?.[name] as number) - asked[name]), `${name} of ${found?.[name]}`).toBeLessThan(
          0.03 + 0.2 * asked[name],
        );
      }
    }
  });

  it("of pruned weights grows with what is asked for", () => {
    const spread = (filterSpread: number) => weightPattern(weight([64, 64, 3, 3], 0.2, { filterSpread }))?.filterSpread;
    const found = [0, 0.2, 0.5, 1].map((asked) => spread(asked) as number);
    expect(found).toEqual([...found].sort((a, b) => a - b));
  });
});

it("tells nothing of masks that are dense, or nearly so", () => {
  const dense = onesMask([8, 8, 3, 3]);
  expect(weightPattern(dense)).toBeNull();
  expect(activationPattern(dense)).toBeNull();
  expect(weightPattern(weight([8, 8, 4, 4], 0.995, {}))).toBeNull();
});

it("leaves out what one pixel or one channel cannot tell", () => {
  expect(activationPattern(activation([8, 64, 1, 1], {}))?.correlation).toBeNull();
  expect(activationPattern(activation([8, 1, 8, 8], {}))?.common).toBeNull();
});
