/**
 * Data sets by name, as the command line spells them: `generated`, `generated:HxWxC`, `mnist:DIR`,
 * `fashion-mnist:DIR`, `cifar10:DIR`, `cifar100:DIR`, `images:DIR`, `images:DIR@SIDE`. Another data set is one file
 * beside this one and one line of `DATA_SETS`.
 */
import { InputError, refusing, unknownName } from "../../io/faults.ts";
import { loadCifar10 } from "./cifar10.ts";
import { loadCifar100 } from "./cifar100.ts";
import { type DataSplits, firstImages } from "./dataset.ts";
import { type GeneratedOptions, generatedData } from "./generated.ts";
import { loadIdx } from "./idx.ts";
import { DEFAULT_SIDE, loadImages } from "./images.ts";

/** What `loadData` may be told beside the name. */
export interface LoadOptions {
  /** Seed of generated images; others ignore it. */
  readonly seed: number;
  /** Use the first so many training images, or all where there are fewer; generated data has as many as are asked for. */
  readonly limit?: number | undefined;
  /** As `limit`, for test images. */
  readonly testLimit?: number | undefined;
}

interface DataSource {
  /** How the specification is written, for messages. */
  readonly spelling: string;
  /** `argument` is what follows the first colon, empty where there is none. */
  readonly load: (argument: string, options: LoadOptions) => DataSplits | Promise<DataSplits>;
}

const DATA_SETS: Readonly<Record<string, DataSource>> = {
  generated: { spelling: "generated or generated:HxWxC", load: loadGenerated },
  "fashion-mnist": fromDirectory("fashion-mnist", (directory) => loadIdx("fashion-mnist", directory)),
  mnist: fromDirectory("mnist", (directory) => loadIdx("mnist", directory)),
  cifar10: fromDirectory("cifar10", loadCifar10),
  cifar100: fromDirectory("cifar100", loadCifar100),
  images: fromDirectory("images", loadImagesOfSide, "images:DIR or images:DIR@SIDE"),
};

/** Sides that can be asked for: an image has to fit into memory many times. */
const IMAGE_SIDES = { least: 8, most: 1024 } as const;

/** Loads the data set that `spec` names. Throws on an unknown name, a wrong argument or limit, and on missing or damaged files. */
export function loadData(spec: string, options: LoadOptions): Promise<DataSplits> {
  return refusing("data", () => loaded(spec, options));
}

async function loaded(spec: string, options: LoadOptions): Promise<DataSplits> {
  checkLimit("limit", options.limit);
  checkLimit("testLimit", options.testLimit);
  const { name, argument } = dataSetNamed(spec);
  const splits = await DATA_SETS[name].load(argument, options);
  const { limit = splits.train.size, testLimit = splits.test.size } = options;
  return { name: splits.name, train: firstImages(splits.train, limit), test: firstImages(splits.test, testLimit) };
}

/** The two parts of a specification. @throws InputError for an unknown name. */
export function dataSetNamed(spec: string): { readonly name: string; readonly argument: string } {
  const colon = spec.indexOf(":");
  const name = colon < 0 ? spec : spec.slice(0, colon);
  if (!Object.hasOwn(DATA_SETS, name)) {
    const spellings = Object.values(DATA_SETS).map(({ spelling }) => spelling);
    const unknown = unknownName("data set", name, Object.keys(DATA_SETS));
    throw new InputError([`data: ${unknown}; spelled ${spellings.join(", ")}`], { unknownNames: ["data"] });
  }
  return { name, argument: colon < 0 ? "" : spec.slice(colon + 1) };
}

function fromDirectory(
  name: string,
  load: (directory: string) => Promise<DataSplits>,
  spelling = `${name}:DIR`,
): DataSource {
  return {
    spelling,
    load(directory) {
      if (directory === "")
        throw new InputError([`data: ${name} needs a directory, got "${name}"; known: ${spelling}`]);
      return load(directory);
    },
  };
}

/** `argument` is a directory, with `@` and the side of the images behind it where it is not the usual one. */
function loadImagesOfSide(argument: string): Promise<DataSplits> {
  const [, directory, digits] = /^(.+?)(?:@(\d+))?$/s.exec(argument) ?? [];
  const side = digits === undefined ? DEFAULT_SIDE : Number(digits);
  const { least, most } = IMAGE_SIDES;
  if (side < least || side > most) {
    throw new InputError([
      `data: images must have a side of ${least} to ${most} pixels, got ${digits}; known: images:DIR@SIDE`,
    ]);
  }
  return loadImages(directory, side);
}

function loadGenerated(argument: string, options: LoadOptions): DataSplits {
  const { seed, limit, testLimit } = options;
  const sizes: Pick<GeneratedOptions, "trainSize" | "testSize"> = {
    ...(limit === undefined ? {} : { trainSize: limit }),
    ...(testLimit === undefined ? {} : { testSize: testLimit }),
  };
  if (argument === "") return generatedData({ seed, ...sizes });
  const extents = /^(\d+)x(\d+)x(\d+)$/.exec(argument);
  if (extents === null) {
    throw new InputError([
      `data: generated takes height x width x channels, got "${argument}"; known: generated:16x16x3`,
    ]);
  }
  const [height, width, channels] = extents.slice(1).map(Number);
  return generatedData({ seed, height, width, channels, ...sizes });
}

function checkLimit(name: string, limit: number | undefined): void {
  if (limit !== undefined && !(Number.isInteger(limit) && limit >= 1)) {
    throw new InputError([`data: ${name} must be a positive integer, got ${limit}`]);
  }
}
