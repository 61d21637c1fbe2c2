/**
 * What a file or an order may ask for. A reader refuses what is beyond before it works on it; the message names field, value and
 * limit. The limits are far above what training steps need, and low enough for a laptop.
 */

/** Faults that one error lists. */
export const MOST_FAULTS = 100;
/** Objects and arrays within each other, in JSON and YAML: readers of both work level by level. */
export const MOST_LEVELS = 64;
/** Values in one JSON file or order, keys not counted. */
export const MOST_VALUES = 2e7;
/** Characters of a run configuration in YAML, of which the authors' have about a thousand. */
export const MOST_YAML_CHARACTERS = 2 ** 16;
/** Blanks at the start of a line of such a file. */
export const MOST_YAML_INDENTATION = 100;
/** A formula: characters, parentheses within each other, numbers with names and operators, and the size of an exponent. */
export const MOST_FORMULA_CHARACTERS = 1000;
export const MOST_FORMULA_LEVELS = 32;
export const MOST_FORMULA_NODES = 250;
export const MOST_EXPONENT = 64;
