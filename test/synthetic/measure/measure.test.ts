/** Drawn masks have the statistics asked for, by closed formulas and by measuring them. */
import { describe, expect, it, test } from "vitest";
import { type BitMask, getBit, onesMask } from "../../../src/core/bit-mask.ts";
import { randomStream } from "../../../src/core/random.ts";
import { drawActivation, drawWeights } from "../../../src/synthetic/draw/draw.ts";
import { above, largest } from "../../../src/synthetic/draw/masks.ts";
import { activationPattern, type MeasuredField } from "../../../src/synthetic/measure/measure-activation.ts";
import { weightPattern } from "../../../src/synthetic/measure/measure-weight.ts";
import { bothAbove, normalCdf, normalNodes } from "../../../src/synthetic/measure/normal.ts";
import type { FieldPattern, WeightPattern } from "../../../src/synthetic/patterns.ts";

const FLAT: FieldPattern = {
  ...{ density: 0.5, offsets: 0, images: 0, planes: 0, places: 0, channelPlaces: 0 },
  ...{ common: 0, correlation: 0, curvature: 0 },
};

/** Activation zeros of a pattern. */
function activation(shape: readonly number[], pattern: Partial<FieldPattern>, seed = 1): BitMask {
  const natural = { ...FLAT, ...pattern };
  return above(drawActivation({ shape, natural, saved: natural }, randomStream(seed, "activation")), shape, 0);
}

/** What is saved by a pattern. */
function saved(shape: readonly number[], density: number, pattern: Partial<FieldPattern>): BitMask {
  const natural = { ...FLAT, density: 0.6 };
  const values = drawActivation({ shape, natural, saved: { ...FLAT, ...pattern } }, randomStream(1, "saved"));
  return largest(values, shape, Math.ceil(density * values.length));
}

function weight(shape: readonly number[], density: number, pattern: Partial<WeightPattern>): BitMask {
  const values = drawWeights(shape, { filters: 0, channels: 0, slices: 0, ...pattern }, randomStream(1, "weight"));
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
  const CASES = [
    { ...FLAT, correlation: 0 },
    { ...FLAT, offsets: 0.3, correlation: 0.5 },
    { ...FLAT, images: 0.2, common: 0.3, correlation: 0.5 },
    { ...FLAT, offsets: 0.2, planes: 0.2, common: 0.1, correlation: 0.8 },
    { ...FLAT, places: 0.2, channelPlaces: 0.2, correlation: 0.6 },
    { ...FLAT, correlation: 0.95, curvature: 0.7 },
  ];
  const NAMES = [
    "offsets",
    "images",
    "planes",
    "places",
    "channelPlaces",
    "common",
    "correlation",
    "curvature",
  ] as const;
  /** 24 images tell the variance between them to 30 percent, 256 channels theirs to 9, each twice over. */
  const slack = (name: (typeof NAMES)[number], value: number) => 0.025 + (name === "images" ? 0.6 : 0.2) * value;

  it.each(CASES)("in activation zeros: %j", (asked) => {
    for (const density of [0.3, 0.6]) {
      const found = activationPattern(activation([24, 256, 12, 12], { ...asked, density }));
      expect(Math.abs((found?.density as number) - density)).toBeLessThan(0.001);
      for (const name of NAMES) {
        expect(Math.abs((found?.[name] as number) - asked[name]), name).toBeLessThan(slack(name, asked[name]));
      }
    }
  });

  it.each(CASES)("in what is saved of other activation zeros, to two thirds: %j", (asked) => {
    // Activation zeros take what their own channels and images take.
    const found = activationPattern(saved([24, 256, 12, 12], 0.1, asked));
    for (const name of ["offsets", "images", "planes"] as const) {
      expect(Math.abs((found?.[name] as number) - asked[name]), name).toBeLessThan(0.03 + asked[name] / 3);
    }
  });
});

describe("what is measured of drawn weights is what was asked for", () => {
  it.each([
    { filters: 0, channels: 0, slices: 0 },
    { filters: 0.5, channels: 0, slices: 0 },
    { filters: 0, channels: 0.5, slices: 0.3 },
    { filters: 0.4, channels: 0.2, slices: 0.5 },
  ])("%j", (asked) => {
    for (const density of [0.1, 0.3]) {
      const found = weightPattern(weight([256, 256, 3, 3], density, asked));
      const figures = { filters: found?.filterSpread, channels: found?.channelSpread, slices: found?.slices };
      for (const [name, value] of Object.entries(figures)) {
        const wanted = asked[name as keyof typeof asked];
        expect(Math.abs((value as number) - wanted), `${name} of ${value}`).toBeLessThan(0.03 + 0.1 * wanted);
      }
    }
  });

  it("of pruned weights grows with what is asked for", () => {
    const spread = (filters: number) => weightPattern(weight([64, 64, 3, 3], 0.2, { filters }))?.filterSpread;
    const found = [0, 0.2, 0.5, 1].map((asked) => spread(asked) as number);
    expect(found).toEqual([...found].sort((a, b) => a - b));
  });
});

/** Densities of as many images or places as no activation has. */
const NONE = new Float64Array(0);

describe("densities that are to be matched", () => {
  it("of a weight are those of each filter, and to a hundredth those of each channel", () => {
    const shape = [32, 48, 3, 3];
    const filters = Float64Array.from({ length: 32 }, (_, k) => 0.02 + 0.004 * k);
    const mean = filters.reduce((sum, d) => sum + d, 0) / 32;
    const channels = Float64Array.from({ length: 48 }, (_, c) => mean * (c % 2 === 0 ? 1.5 : 0.5));
    const mask = weight(shape, mean, { filters: 0.3, slices: 0.4, densities: { filters, channels } });
    const share = (of: (k: number, c: number) => boolean) => {
      let [kept, size] = [0, 0];
      for (let k = 0; k < 32; k++) {
        for (let i = 0; i < 48 * 9; i++) {
          if (!of(k, Math.floor(i / 9))) continue;
          size++;
          if (getBit(mask, k, i)) kept++;
        }
      }
      return kept / size;
    };
    filters.forEach((density, k) => {
      // Exact but for the rounding of counts of 432 elements.
      expect(Math.abs(share((filter) => filter === k) - density)).toBeLessThan(1.5 / 432);
    });
    channels.forEach((density, c) => {
      expect(Math.abs(share((_, channel) => channel === c) - density)).toBeLessThan(0.02);
    });
  });

  it("of an activation are those of each channel, dead ones among them, in activation zeros and in what is saved", () => {
    const shape = [6, 10, 8, 8];
    const natural = Float64Array.from({ length: 10 }, (_, c) => c / 10);
    const kept = natural.map((density) => density / 4);
    const of = (channels: Float64Array) => ({ ...FLAT, densities: { channels, images: NONE, places: NONE } });
    const patterns = { natural: of(natural), saved: of(kept) };
    const values = drawActivation({ shape, ...patterns }, randomStream(1, "densities"));
    const total = Math.round(kept.reduce((sum, d) => sum + Math.round(d * 384), 0));
    const shareOf = (mask: BitMask, channel: number) => {
      let ones = 0;
      for (let n = 0; n < 6; n++) for (let i = 0; i < 64; i++) if (getBit(mask, n, channel * 64 + i)) ones++;
      return ones;
    };
    const [zeros, top] = [above(values, shape, 0), largest(values, shape, total)];
    for (let c = 0; c < 10; c++) {
      expect(shareOf(zeros, c)).toBe(Math.round(natural[c] * 384));
      expect(shareOf(top, c)).toBe(Math.round(kept[c] * 384));
    }
  });
});

it("images and places of an activation that is drawn again keep what they kept", () => {
  const shape = [8, 32, 12, 12];
  const first = activation(shape, { images: 0.2, places: 0.2, offsets: 0.1, correlation: 0.8 });
  const measured = activationPattern(first) as MeasuredField;
  const again = above(drawActivation({ shape, natural: measured, saved: FLAT }, randomStream(7, "again")), shape, 0);
  const found = activationPattern(again) as MeasuredField;
  const plain = { ...measured, densities: undefined };
  const unmatched = activationPattern(
    above(drawActivation({ shape, natural: plain, saved: FLAT }, randomStream(7, "again")), shape, 0),
  ) as MeasuredField;
  for (const axis of ["images", "places"] as const) {
    const worst = ({ densities }: MeasuredField) =>
      densities?.[axis].reduce((most, d, i) => Math.max(most, Math.abs(d - wanted[i])), 0) as number;
    const wanted = measured.densities?.[axis] as Float64Array;
    // Elements of a place are 256, so that one is 0.004; the last round is that of channels.
    expect(worst(found)).toBeLessThan(0.03);
    expect(worst(unmatched)).toBeGreaterThan(0.1);
  }
});

it("tells nothing of masks that are dense, or nearly so", () => {
  const dense = onesMask([8, 8, 3, 3]);
  expect(weightPattern(dense)).toBeNull();
  expect(activationPattern(dense)).toBeNull();
  expect(weightPattern(weight([8, 8, 4, 4], 0.997, {}))).toBeNull();
});

it("takes nothing for what one pixel, one channel or one image cannot tell", () => {
  expect(activationPattern(activation([8, 64, 1, 1], {}))).toMatchObject({ correlation: 0, common: 0, planes: 0 });
  expect(activationPattern(activation([8, 1, 8, 8], {}))).toMatchObject({ common: 0, images: 0 });
  expect(activationPattern(activation([1, 64, 8, 8], { offsets: 0.4 }))?.offsets).toBeGreaterThan(0.3);
});
