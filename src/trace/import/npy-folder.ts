/**
 * A folder of `.npy` files as a trace: for every layer its weight [K, C/groups, R, S] or [K, C], its input [N, C, H, W] or
 * [N, C], and where training is to be replayed the gradient of its output [N, K, P, Q] or [N, K]; values or masks, of which only the
 * zeros matter. File names are those of DNNsim's networks (`wgt-LAYER.npy`, `act-LAYER-0.npy`; github.com/isakedo/DNNsim)
 * and `LAYER.weight.npy`, `LAYER.input.npy`, `LAYER.outputGrad.npy`; what they cannot say is in a description, `layers.json`.
 */

import { type BitMask, maskOfNonzeros } from "../../core/bit-mask.ts";
import { sizeOf } from "../../core/geometry.ts";
import type { Operand } from "../../core/passes.ts";
import { checkSchema, InputError, refusing, unknownName } from "../../io/faults.ts";
import { precompiled } from "../../io/validators/program.ts";
import type { Multiplication } from "../manifest.ts";
import { ImportBuilder, type ImportedTrace } from "./imported.ts";
import { type NpyArray, parseNpy } from "./npy.ts";
import { DESCRIPTION_FILE, DescriptionSchema, type LayerDescription } from "./npy-description.ts";
import { type GeometryDefaults, layerGeometry } from "./npy-geometry.ts";

precompiled(DescriptionSchema);

const WORDS: Readonly<Record<Operand, readonly string[]>> = {
  weight: ["weight", "wgt"],
  input: ["input", "act"],
  outputGrad: ["outputGrad", "outGrad", "grad"],
};
const OPERANDS = Object.keys(WORDS) as Operand[];

/** What is not in the files. */
export interface NpyFolderOptions extends GeometryDefaults {
  /** Folder, for messages. */
  readonly where: string;
  /** Description and its file; without it layers are the weights in the order of their names, numbers as numbers. */
  readonly description?: { readonly path: string; readonly content: unknown };
  /** Name of the network where the description has none. */
  readonly network: string;
}

/** Reads a folder. @param files names of the `.npy` files and their bytes. @throws InputError with the faults of all layers. */
export function importNpyFolder(files: ReadonlyMap<string, Uint8Array>, options: NpyFolderOptions): ImportedTrace {
  return refusing(options.where, () => imported(files, options));
}

function imported(files: ReadonlyMap<string, Uint8Array>, options: NpyFolderOptions): ImportedTrace {
  const { where } = options;
  const described =
    options.description === undefined
      ? { layers: undeclaredLayers([...files.keys()], where) }
      : checkSchema(DescriptionSchema, options.description.content, options.description.path);
  const layers = described.layers as readonly LayerDescription[];
  const names = layers.map(({ name }) => name);
  const faults = names
    .filter((name, i) => names.indexOf(name) !== i)
    .map((name) => `${where}: layer "${name}": another layer has the same name`);
  const owners = ownersOf([...files.keys()], names);
  const builder = new ImportBuilder(where);
  for (const [i, layer] of layers.entries()) {
    try {
      addLayer(builder, layer, i, (operand) => operandOf(layer, operand, files, owners, where), options);
    } catch (error) {
      if (!(error instanceof InputError)) throw error;
      faults.push(...error.faults);
    }
  }
  if (faults.length > 0) throw new InputError(faults);
  return builder.finish(("network" in described ? described.network : undefined) ?? options.network, "imported");
}

function addLayer(
  builder: ImportBuilder,
  layer: LayerDescription,
  index: number,
  read: (operand: Operand) => BitMask | undefined,
  options: NpyFolderOptions,
): void {
  const at = `${options.where}: layer "${layer.name}"`;
  const [weight, input, outputGrad] = [read("weight"), read("input"), read("outputGrad")];
  if (weight === undefined || input === undefined) {
    const missing = [
      ...(weight === undefined ? ["weight" as const] : []),
      ...(input === undefined ? ["input" as const] : []),
    ];
    throw new InputError(
      missing.map((name) => `${at}: ${name}: no such file, got none of ${spellings(layer.name, name)}`),
    );
  }
  const { geometry, notes } = layerGeometry(layer, { weight: weight.shape, input: input.shape }, options, at);
  for (const note of notes) builder.note(note);
  const id = (operand: Operand) => `${layer.name}:${operand}`;
  const weightId = builder.tensor(id("weight"), "weight", weight);
  const inputId = builder.tensor(id("input"), "activation", input);
  const multiplications: Multiplication[] = [{ pass: "forward", operands: { input: inputId, weight: weightId } }];
  if (outputGrad !== undefined) {
    const gradId = builder.tensor(id("outputGrad"), "gradient", outputGrad);
    if (layer.inputGrad ?? index > 0) {
      multiplications.push({ pass: "inputGrad", operands: { outputGrad: gradId, weight: weightId } });
    }
    multiplications.push({ pass: "weightGrad", operands: { outputGrad: gradId, input: inputId } });
  }
  const kind = weight.shape.length === 2 ? "linear" : "conv";
  builder.layer(kind, layer.name, geometry, multiplications);
}

/** The mask of one operand, its files one after the other along the first dimension; undefined where there is none. */
function operandOf(
  layer: LayerDescription,
  operand: Operand,
  files: ReadonlyMap<string, Uint8Array>,
  owners: ReadonlyMap<string, Owner>,
  where: string,
): BitMask | undefined {
  const named = layer[operand];
  const names =
    named === undefined
      ? [...owners].flatMap(([file, owner]) => (owner.layer === layer.name && owner.operand === operand ? [file] : []))
      : [named].flat();
  if (names.length === 0) return undefined;
  const parts = names.map((name) => {
    const bytes = files.get(name);
    if (bytes === undefined) {
      const at = `${where}: layer "${layer.name}": ${operand}`;
      throw new InputError([`${at}: ${unknownName("file", name, [...files.keys()])}`]);
    }
    const array = parseNpy(bytes, `${where}/${name}`);
    if (array.shape.includes(0)) {
      throw new InputError([`${where}/${name}: is empty, got shape [${array.shape}]; valid: sizes of at least 1`]);
    }
    return unpacked(array, layer, operand, `${where}/${name}`);
  });
  const [first] = parts;
  const inner = first.shape.slice(1);
  const odd = parts.findIndex((part) => part.shape.slice(1).join() !== inner.join());
  if (first.shape.length === 0 || odd > 0) {
    throw new InputError([
      `${where}/${names[Math.max(odd, 0)]}: must be [any, ${inner}], got [${parts[Math.max(odd, 0)].shape}]`,
    ]);
  }
  const values = new Uint8Array(parts.reduce((size, { nonzeros }) => size + nonzeros.length, 0));
  let end = 0;
  for (const { nonzeros } of parts) {
    values.set(nonzeros, end);
    end += nonzeros.length;
  }
  const slices = parts.reduce((count, part) => count + part.shape[0], 0);
  return maskOfNonzeros(values, [slices, ...inner]);
}

type Elements = Pick<NpyArray, "shape" | "nonzeros">;

/** A packed mask is one dimension of bytes, as many as the shape that the description gives takes. */
function unpacked(array: NpyArray, layer: LayerDescription, operand: Operand, where: string): Elements {
  const wanted = layer.shapes?.[operand];
  if (wanted === undefined || wanted.join() === array.shape.join()) return array;
  const size = sizeOf(wanted);
  const bytes = Math.ceil(size / 8);
  if (!array.isBytes || array.shape.length !== 1 || array.payload.length !== bytes) {
    const valid = `[${wanted}], or ${bytes} bytes |u1 that hold it packed`;
    throw new InputError([`${where}: shapes.${operand}: got ${array.dtype} [${array.shape}]; valid: ${valid}`]);
  }
  const place = (layer.bitorder ?? "big") === "big" ? (i: number) => 7 - (i & 7) : (i: number) => i & 7;
  const nonzeros = Uint8Array.from({ length: size }, (_, i) => (array.payload[i >> 3] >> place(i)) & 1);
  return { shape: wanted, nonzeros };
}

interface Owner {
  readonly layer: string;
  readonly operand: Operand;
}

/** Every spelling that a file name allows, a number at its end read as part of the layer first, then as that of a batch. */
function readings(file: string): Owner[] {
  return OPERANDS.flatMap((operand) =>
    WORDS[operand].flatMap((word) => {
      const before = file.startsWith(`${word}-`) ? [file.slice(word.length + 1, -".npy".length)] : [];
      const after = new RegExp(`^(.+)\\.${word}\\.npy$`).exec(file)?.slice(1) ?? [];
      const batch = before.flatMap((name) => /^(.+)-\d+$/.exec(name)?.slice(1) ?? []);
      return [...before, ...after, ...batch].map((layer) => ({ layer, operand }));
    }),
  );
}

/** Which operand of which layer a file is, in the order of names; files of no layer are left out. */
function ownersOf(files: readonly string[], layers: readonly string[]): Map<string, Owner> {
  const owners = new Map<string, Owner>();
  for (const file of [...files].sort(byNumber)) {
    const owner = readings(file).find(({ layer }) => layers.includes(layer));
    if (owner !== undefined) owners.set(file, owner);
  }
  return owners;
}

/** The layers of a folder without a description: those of the weights. @throws InputError for files that are of no layer. */
function undeclaredLayers(files: readonly string[], where: string): LayerDescription[] {
  const names = new Set(
    files.flatMap((file) => {
      const [owner] = readings(file);
      return owner?.operand === "weight" ? [owner.layer] : [];
    }),
  );
  if (names.size === 0) {
    throw new InputError([
      `${where}: no weight, got none of ${spellings("LAYER", "weight")} and no ${DESCRIPTION_FILE}`,
    ]);
  }
  const owners = ownersOf(files, [...names]);
  const strangers = files.filter((file) => !owners.has(file));
  if (strangers.length > 0) {
    const valid = OPERANDS.map((operand) => spellings("LAYER", operand)).join(", ");
    throw new InputError(
      strangers.map((file) => `${where}/${file}: belongs to no layer that has a weight; valid: ${valid}`),
    );
  }
  return [...names].sort(byNumber).map((name) => ({ name }));
}

function spellings(layer: string, operand: Operand): string {
  return WORDS[operand].flatMap((word) => [`${layer}.${word}.npy`, `${word}-${layer}.npy`]).join(", ");
}

const collator = new Intl.Collator("en", { numeric: true });

function byNumber(a: string, b: string): number {
  return collator.compare(a, b);
}
