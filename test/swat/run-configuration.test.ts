import { describe, expect, it } from "vitest";
import { InputError } from "../../src/io/faults.ts";
import { parseRunConfiguration } from "../../src/swat/run-configuration.ts";

/** Written as the authors write theirs: blanks before colons, capital booleans, quotes, a warmup below 0. */
const TEXT = `lr_schedule:
  - 0 : 0.1 
  - 60 : 0.02
  - 120 : 0.004
total_epoch      : 200
train_batch_size : 128
test_batch_size  : 100
weight_decay     : 0.0005
bn_weight_decay  : False
momentum         : 0.9
nesterov         : True  
sparsity         : 0.95
topk_period      : 20
warmup           : -5
num_conv_layer   : 16 
pruning_type     : 'unstructured'
pruning_mode     : 'momentum'
sparsify_first_layer: True 
sparsify_last_layer: False
`;

describe("a run configuration", () => {
  it("gives every setting that it names", () => {
    expect(parseRunConfiguration(TEXT, "run.yaml")).toEqual({
      settings: {
        method: "swat-m",
        pruning: "unstructured",
        sparsity: 0.95,
        topKPeriod: 20,
        warmup: 0,
        firstLayerDense: false,
        lastLayerDense: true,
        epochs: 200,
        batchSize: 128,
        schedule: [
          { epoch: 0, rate: 0.1 },
          { epoch: 60, rate: 0.02 },
          { epoch: 120, rate: 0.004 },
        ],
        momentum: 0.9,
        nesterov: true,
        weightDecay: 0.0005,
        batchNormDecay: false,
      },
      convolutions: 16,
    });
  });

  it("names a rule of sharing, single options of it in place of the rule's own, and an evaluation", () => {
    const text = "sharing: stable\nshare_growth: 1.5\nkeep_filters: False\nevaluation: authors\n";
    expect(parseRunConfiguration(text, "run.yaml").settings).toEqual({
      evaluation: "authors",
      shareBy: "size-weighted",
      shareGrowth: 1.5,
      shareAt: "refresh",
      keepFilters: false,
    });
    expect(parseRunConfiguration("share_by: mean\n", "run.yaml").settings).toEqual({ shareBy: "mean" });
    expect(parseRunConfiguration("sharing: authors\n", "run.yaml").settings).toEqual({});
    expect(faultsOf("sharing: steady\nshare_growth: 1\n")).toEqual([
      expect.stringMatching(/^run.yaml: sharing: .*"steady".*authors, stable/),
      "run.yaml: share_growth: must be > 1, got 1",
    ]);
  });

  it("leaves out what it does not name", () => {
    expect(parseRunConfiguration("sparsity: 0.5\n", "run.yaml").settings).toEqual({ sparsity: 0.5 });
  });

  it.each([
    ["constant", "swat-u"],
    ["erdos_renyi", "swat-er"],
    ["erdos_renyi_kernel", "swat-erk"],
    ["momentum", "swat-m"],
  ])("calls pruning_mode %s %s", (mode, method) => {
    expect(parseRunConfiguration(`pruning_mode: ${mode}`, "run.yaml").settings).toEqual({ method });
  });

  it.each([
    ["unstructured", "unstructured"],
    ["structured_channel", "channel"],
    ["structured_filter", "filter"],
  ])("calls pruning_type %s %s", (type, pruning) => {
    expect(parseRunConfiguration(`pruning_type: ${type}`, "run.yaml").settings).toEqual({ pruning });
  });
});

describe("what is wrong in a run configuration", () => {
  it("is all named at once, with what is valid", () => {
    const text = TEXT.replace("topk_period", "topk_periods").replace("0.95", "1").replace("'momentum'", "momentums");
    const lines = faultsOf(text);
    expect(lines).toHaveLength(3);
    expect(lines.find((line) => line.includes("topk_periods"))).toMatch(
      /^run.yaml: unknown key, got "topk_periods"; did you mean "topk_period"\? known: lr_schedule, total_epoch, /,
    );
    expect(lines).toContain("run.yaml: sparsity: must be < 1, got 1");
    expect(lines).toContain(
      'run.yaml: pruning_mode: unknown value, got "momentums"; did you mean "momentum"? known: constant, erdos_renyi, erdos_renyi_kernel, momentum',
    );
  });

  it.each([
    [
      "epochs that do not rise",
      "lr_schedule: [{0: 0.1}, {50: 0.01}, {50: 0.001}]",
      /lr_schedule: .* got 0, 50, 50; valid/,
    ],
    ["a first epoch that is not 0", "lr_schedule:\n  - 1: 0.1", /lr_schedule: epochs must begin at 0 and rise, got 1/],
    ["an epoch that is none", "lr_schedule:\n  - start: 0.1", /lr_schedule: .* got start/],
    ["a rate that is none", "lr_schedule:\n  - 0: fast", /lr_schedule\.0\.0: must be number, got "fast"/],
    ["no YAML", "sparsity: [", /^run.yaml: \S/],
    ["no settings", "just words", /^run.yaml: must be object, got "just words"$/],
    ["a setting given twice", "sparsity: 0.5\nsparsity: 0.6", /^run.yaml: Map keys must be unique/],
  ])("may be %s", (_, text, message) => {
    expect(faultsOf(text).join("\n")).toMatch(message);
  });
});

function faultsOf(text: string): string[] {
  try {
    parseRunConfiguration(text, "run.yaml");
  } catch (error) {
    return (error as Error).message.split("\n");
  }
  return [];
}

describe("a file that is built to end the program", () => {
  const refused = (text: string) => expect(() => parseRunConfiguration(text, "run.yaml")).toThrow(InputError);

  it.each([
    ["brackets within brackets", "[".repeat(20_000)],
    ["lists within lists", "- ".repeat(10_000)],
    [
      "lists within lists, line by line",
      Array.from({ length: 30 }, (_, i) => `${" ".repeat(128 * i)}${"- ".repeat(60)}-`).join("\n"),
    ],
    [
      "aliases of aliases",
      Array.from({ length: 10 }, (_, i) => `a${i}: &a${i} [${i === 0 ? "x" : `*a${i - 1},`.repeat(9)}]`).join("\n"),
    ],
    ["a long text", "#".repeat(70_000)],
  ])("is refused: %s", (_, text) => refused(text));
});
