/**
 * What a file or an order may ask for. A reader refuses what is beyond before it works on it; the message names field, value and
 * limit. The limits are far above what training steps need, and low enough for a laptop.
 */

/** Faults that one error lists, and characters of each. */
export const MOST_FAULTS = 100;
export const MOST_FAULT_CHARACTERS = 4000;
/** Objects and arrays within each other, in JSON and YAML: readers of both work level by level. */
export const MOST_LEVELS = 64;
/** Values in one JSON file or order, keys not counted. */
export const MOST_VALUES = 5e6;
/** Characters of a run configuration in YAML, of which the authors' have about a thousand. */
export const MOST_YAML_CHARACTERS = 2 ** 16;
/** Blanks at the start of a line of such a file. */
export const MOST_YAML_INDENTATION = 100;
/** A formula: characters, parentheses within each other, numbers with names and operators, and the size of an exponent. */
export const MOST_FORMULA_CHARACTERS = 1000;
export const MOST_FORMULA_LEVELS = 32;
export const MOST_FORMULA_NODES = 250;
export const MOST_EXPONENT = 64;
/** Bytes of the packed mask of one tensor. */
export const MOST_MASK_BYTES = 2 ** 29;
/** Stride, dilation and padding that every geometry may have, however small its image. */
export const LEAST_REACH = 64;
/** Bytes of a file after unpacking, and of an IDX file, of which a data set has four. */
export const MOST_UNPACKED_BYTES = 2 ** 28;
export const MOST_IDX_BYTES = 2 ** 27;
/** Megapixels of a picture: the largest of ImageNet has about 60. */
export const MOST_MEGAPIXELS = 64;
/** Megapixels of a JPEG file, summed over its scans. */
export const MOST_SCANNED_MEGAPIXELS = 256;
/** Latency of a memory in cycles. */
export const MOST_LATENCY = 2 ** 32;
/** An integer parameter of a machine, and multipliers of all its arrays. */
export const MOST_PARAMETER = 2 ** 20;
export const MOST_MULTIPLIERS = 2 ** 24;
/** Bytes of a JSON file. */
export const MOST_JSON_BYTES = 2 ** 28;
/** Values of one field of a sweep, which are all compared with each other. */
export const MOST_AXIS_VALUES = 10_000;
/** Ops of a trace: a step of a network of a hundred layers has about a thousand. */
export const MOST_OPS = 2 ** 17;
/** Combinations of the values of a sweep, before its constraints. */
export const MOST_COMBINATIONS = 250_000;
/** Combinations times constraints of a sweep: each is tested with each. */
export const MOST_CONDITIONS = 1_000_000;
/** Picojoules of one action of an energy table: a joule. */
export const MOST_PICOJOULES = 1e12;
/** Weights of a topology's layers that get a mask. */
export const MOST_STRUCTURED_WEIGHTS = 2 ** 28;
