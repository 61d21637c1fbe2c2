/** Conditions on the fields of a point, as `lanes * rows * columns == 1024`. */
import { type Formula, type FormulaKind, parseFormula } from "../../core/input/formula.ts";
import { InputError, within } from "../../io/faults.ts";

/** Functions that a condition may call. */
export const FUNCTIONS = ["min", "max", "abs", "ceil", "floor", "log2", "sqrt", "mod", "gcd"] as const;

const CONDITION: FormulaKind = { functions: FUNCTIONS };

/** A condition that was read. */
export interface Constraint {
  readonly text: string;
  /** Names that it needs numbers or booleans for. */
  readonly names: readonly string[];
  /** @throws InputError where it is not a condition, or cannot be computed. */
  holds(values: ReadonlyMap<string, number | boolean>): boolean;
}

/** Reads a condition. @throws InputError naming what it does not understand or does not allow. */
export function parseConstraint(text: string): Constraint {
  const formula: Formula = within(`"${text}"`, () => parseFormula(text, CONDITION));
  return {
    text,
    names: formula.names,
    holds(values) {
      const result = within(`"${text}"`, () => formula.evaluate(values));
      if (typeof result === "boolean") return result;
      throw new InputError([
        `"${text}": must be true or false, got ${String(result)}; valid: as "rows * columns == 16"`,
      ]);
    },
  };
}
