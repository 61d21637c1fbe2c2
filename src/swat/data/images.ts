/**
 * A folder of pictures as a data set: DIR/train/CLASS/* with DIR/val/CLASS/* or DIR/test/CLASS/*, as ImageNet is laid out, or
 * DIR/CLASS/*, of which every fifth picture of a class is a test image. Only file names are kept; a picture is read, decoded
 * and resized when it is loaded, so that the size of a set does not matter to memory.
 */
import { basename, join } from "node:path";
import { InputError } from "../../io/faults.ts";
import { listDirectory, listFolders, readBytesNow } from "../../io/read-file.ts";
import type { Box, ClassFiles, DataSplits, Dataset, Normalization, PictureFiles } from "./dataset.ts";
import { decodePicture } from "./picture.ts";
import { resample } from "./resample.ts";

/** Side of the images where none is asked for, as ImageNet networks take them. */
export const DEFAULT_SIDE = 224;

const CHANNELS = 3;
const PICTURE = /^[^.].*\.(png|jpe?g)$/i;
const TRAIN = "train";
/** The first that exists is taken: ImageNet's `test` has no labels. */
const TESTS = ["val", "test"];
const TEST_EVERY = 5;
const MAX_BYTE = 255;

/** Means and deviations of ImageNet's pixels that torchvision's models are trained with ("Models and pre-trained weights"). */
const NORMALIZATION: Normalization = { mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] };

/**
 * Lists `directory`; images are the centre square of each picture, resized to [3, side, side]. Classes are the sorted names of
 * the training folders. Throws all faults of the layout at once, one line each; a damaged picture throws when it is loaded.
 */
export async function loadImages(directory: string, side: number): Promise<DataSplits> {
  const folders = await listFolders(directory);
  const testFolder = TESTS.find((name) => folders.includes(name));
  const hasTrain = folders.includes(TRAIN);
  if (!hasTrain && testFolder === undefined)
    return splitClasses(directory, side, await listClasses(directory, folders));
  if (!hasTrain)
    throw new InputError([`${directory}: training images are missing, got folder ${testFolder} without train`]);
  if (testFolder === undefined) {
    throw new InputError([`${directory}: test images are missing, got folder train without val or test`]);
  }
  const trainPath = join(directory, TRAIN);
  const testPath = join(directory, testFolder);
  const names = await listFolders(trainPath);
  const testNames = await listFolders(testPath);
  const unknown = testNames.filter((name) => !names.includes(name));
  if (unknown.length > 0) {
    const lines = unknown.map((name) => `${testPath}: class is unknown, got "${name}"; known: folders of ${trainPath}`);
    throw new InputError(lines);
  }
  const train = await listClasses(trainPath, names);
  const tests = await listClasses(testPath, testNames);
  const none: ClassFiles = { path: testPath, names: [] };
  const test = names.map((name) => tests.find(({ path }) => basename(path) === name) ?? none);
  return {
    name: "images",
    train: pictureDataset({ classes: train, side }),
    test: pictureDataset({ classes: test, side }),
  };
}

async function listClasses(directory: string, folders: readonly string[]): Promise<ClassFiles[]> {
  if (folders.length === 0) throw new InputError([`${directory}: class folders are missing, got no folder`]);
  const classes: ClassFiles[] = [];
  for (const folder of folders) {
    const path = join(directory, folder);
    classes.push({ path, names: (await listDirectory(path)).filter((name) => PICTURE.test(name)) });
  }
  const empty = classes.filter(({ names }) => names.length === 0);
  if (empty.length > 0) {
    const lines = empty.map(({ path }) => `${path}: class has no pictures, got no .png, .jpg or .jpeg`);
    throw new InputError(lines);
  }
  return classes;
}

function splitClasses(directory: string, side: number, classes: readonly ClassFiles[]): DataSplits {
  const isTest = (_: string, rank: number) => rank % TEST_EVERY === TEST_EVERY - 1;
  const test = classes.map(({ path, names }) => ({ path, names: names.filter(isTest) }));
  if (test.every(({ names }) => names.length === 0)) {
    const most = Math.max(...classes.map(({ names }) => names.length));
    throw new InputError([
      `${directory}: test images are missing: every ${TEST_EVERY}th picture of a class is one, got at most ${most} in a class`,
    ]);
  }
  const train = classes.map(({ path, names }) => ({ path, names: names.filter((name, i) => !isTest(name, i)) }));
  return {
    name: "images",
    train: pictureDataset({ classes: train, side }),
    test: pictureDataset({ classes: test, side }),
  };
}

/** The set of those files; a picture is read when it is loaded. */
export function pictureDataset(pictures: PictureFiles): Dataset {
  const { classes, side } = pictures;
  const { labels, ranks } = takeTurns(classes.map(({ names }) => names.length));
  const { mean, std } = NORMALIZATION;
  const load = (index: number, choose: typeof centreSquare, target: Float32Array, offset: number) => {
    const { path, names } = classes[labels[index]];
    const picture = decodePicture(readBytesNow(join(path, names[ranks[index]])));
    resample(picture, choose(picture.height, picture.width), [side, side], target, offset);
    const pixels = side * side;
    for (let i = 0; i < CHANNELS * pixels; i++) {
      const channel = Math.floor(i / pixels);
      target[offset + i] = (target[offset + i] / MAX_BYTE - mean[channel]) / std[channel];
    }
  };
  return {
    name: "images",
    channels: CHANNELS,
    height: side,
    width: side,
    classes: classes.length,
    size: labels.length,
    black: mean.map((value, channel) => -value / std[channel]),
    label: (index) => labels[index],
    loadImage: (index, target, offset) => load(index, centreSquare, target, offset),
    loadBox: load,
    pictures,
  };
}

/** Classes take turns while they last, so that the first n images are balanced for every n. */
function takeTurns(sizes: readonly number[]): { labels: Uint32Array; ranks: Uint32Array } {
  const size = sizes.reduce((sum, count) => sum + count, 0);
  const labels = new Uint32Array(size);
  const ranks = new Uint32Array(size);
  let index = 0;
  for (let rank = 0; index < size; rank++) {
    for (const [label, count] of sizes.entries()) {
      if (rank >= count) continue;
      labels[index] = label;
      ranks[index++] = rank;
    }
  }
  return { labels, ranks };
}

/** Resizing the shorter side and then cutting the centre gives the same, up to where the cut is rounded to. */
function centreSquare(height: number, width: number): Box {
  const side = Math.min(height, width);
  return { top: (height - side) / 2, left: (width - side) / 2, height: side, width: side };
}
