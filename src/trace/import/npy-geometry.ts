/**
 * The geometry of a layer from the shapes of its arrays and its description. Shapes alone do not tell channels from rows: an array
 * [N, H, W, C] would pass for one with H channels, so groups are never inferred but for a plain depth-wise convolution.
 */

import type { ConvGeometry } from "../../core/geometry.ts";
import { InputError } from "../../io/faults.ts";
import { DESCRIPTION_FILE, type LayerDescription } from "./npy-description.ts";

type Shape = readonly number[];

/** Shapes of the two operands of the forward pass. */
export interface LayerShapes {
  readonly weight: Shape;
  readonly input: Shape;
}

/** Of every layer whose description says nothing else. */
export interface GeometryDefaults {
  readonly stride: number;
  readonly padding: number;
}

/** The geometry, and what the user should know of how it was found. @throws InputError beginning with `at`. */
export function layerGeometry(
  layer: LayerDescription,
  shapes: LayerShapes,
  defaults: GeometryDefaults,
  at: string,
): { readonly geometry: ConvGeometry; readonly notes: readonly string[] } {
  const { weight, input } = shapes;
  if (weight.length === 2) return { geometry: linear(weight, input[0]), notes: [] };
  if (weight.length !== 4 || input.length !== 4) {
    const valid = "weight [K, C/groups, R, S] with input [N, C, H, W], or weight [K, C]";
    throw new InputError([`${at}: got ${text(shapes)}; valid: ${valid}`]);
  }
  const [K, , R, S] = weight;
  const [N, C, H, W] = input;
  const groups = layer.groups ?? inferredGroups(shapes, at);
  if (weight[1] * groups !== C || K % groups !== 0) {
    const valid = "input channels = groups × those of the weight, and filters a multiple of groups";
    throw new InputError([`${at}: groups: got ${groups} with ${text(shapes)}; valid: ${valid}`]);
  }
  const padding = layer.padding ?? defaults.padding;
  const [top, left] = pair(padding as number | number[]);
  const geometry: ConvGeometry = {
    ...{ N, C, H, W, K, R, S, groups },
    stride: pair(layer.stride ?? defaults.stride),
    padding: Array.isArray(padding) && padding.length === 4 ? padding : [top, top, left, left],
    dilation: pair(layer.dilation ?? 1),
  };
  const reason = layer.groups === undefined ? "depth-wise, by the shapes" : "as declared";
  return { geometry, notes: groups === 1 ? [] : [`${at}: ${groups} groups, ${reason}; ${text(shapes)}`] };
}

function linear([K, C]: Shape, N: number): ConvGeometry {
  const sizes = { N, C, H: 1, W: 1, K, R: 1, S: 1, groups: 1 };
  return { ...sizes, stride: [1, 1], padding: [0, 0, 0, 0], dilation: [1, 1] };
}

/** 1, or that of a depth-wise convolution with one filter a channel. @throws InputError where channels do not fit. */
function inferredGroups(shapes: LayerShapes, at: string): number {
  const [K, channels] = shapes.weight;
  const [, C] = shapes.input;
  if (channels === C) return 1;
  if (channels === 1 && K === C) return C;
  const what = `${at}: the input has ${C} channels, each filter ${channels}, got ${text(shapes)}`;
  throw new InputError([`${what}; ${remedy(shapes)}`]);
}

/** What is probably meant. */
function remedy({ weight: [K, channels, R], input: [, C, , last] }: LayerShapes): string {
  const valid = "valid: weight [K, C, R, S] with input [N, C, H, W]";
  if (last === channels) {
    return `${valid}; this input seems to be [N, H, W, C]: save numpy.transpose(input, (0, 3, 1, 2))`;
  }
  if (R > 1 && (R === last || R === C)) {
    const both = R === last ? " and numpy.transpose(input, (0, 3, 1, 2))" : "";
    return `${valid}; this weight seems to be [R, S, C, K]: save numpy.transpose(weight, (3, 2, 0, 1))${both}`;
  }
  const groups = C / channels;
  if (Number.isInteger(groups) && K % groups === 0) {
    return `${valid}, or "groups": ${groups} in ${DESCRIPTION_FILE} for a grouped convolution`;
  }
  return valid;
}

function text({ weight, input }: LayerShapes): string {
  return `weight [${weight}], input [${input}]`;
}

function pair(value: number | readonly number[]): [number, number] {
  return typeof value === "number" ? [value, value] : [value[0], value[1]];
}
