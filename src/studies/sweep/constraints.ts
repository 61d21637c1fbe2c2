/**
 * Conditions on the fields of a point, as `lanes * rows * columns == 1024`. mathjs parses and computes them; whatever is not
 * arithmetic, comparison or logic on known names is refused before anything is computed, so that a spec from elsewhere
 * cannot reach what else mathjs can do.
 */

import type { MathNode } from "mathjs";
import math from "mathjs/lib/browser/math.js";
import { InputError } from "../../io/faults.ts";

/** Functions that a condition may call. */
export const FUNCTIONS = ["min", "max", "abs", "ceil", "floor", "log2", "sqrt", "mod", "gcd"] as const;

/** mathjs's names of the operators that a condition may have. */
const OPERATORS = [
  ...["add", "subtract", "multiply", "divide", "mod", "pow", "unaryMinus", "unaryPlus"],
  ...["smaller", "smallerEq", "larger", "largerEq", "equal", "unequal"],
  ...["and", "or", "xor", "not"],
];
const PARTS = ["ParenthesisNode", "ConditionalNode", "RelationalNode"];

/** A condition that was read. */
export interface Constraint {
  readonly text: string;
  /** Names that it needs numbers or booleans for. */
  readonly names: readonly string[];
  /** @throws Error where it is not a condition, or cannot be computed. */
  holds(values: ReadonlyMap<string, number | boolean>): boolean;
}

/** Reads a condition. @throws Error naming what it does not understand or does not allow. */
export function parseConstraint(text: string): Constraint {
  const node = attempt(text, () => math.parse(text));
  const names = new Set<string>();
  allow(node, text, names);
  const code = node.compile();
  return {
    text,
    names: [...names],
    holds(values) {
      const result: unknown = attempt(text, () => code.evaluate(new Map(values)));
      if (typeof result !== "boolean") {
        throw new InputError([
          `"${text}": must be true or false, got ${String(result)}; valid: as "rows * columns == 16"`,
        ]);
      }
      return result;
    },
  };
}

function allow(node: MathNode, text: string, names: Set<string>): void {
  const refuse = (what: string, known: readonly string[]): never => {
    throw new InputError([`"${text}": is not allowed in a constraint, got ${what}; known: ${known.join(", ")}`]);
  };
  if (math.isSymbolNode(node)) {
    names.add(node.name);
    return;
  }
  if (math.isConstantNode(node)) {
    const { value } = node as unknown as { value: unknown };
    if (typeof value !== "number" && typeof value !== "boolean") refuse(String(node), ["numbers", "true", "false"]);
    return;
  }
  if (math.isFunctionNode(node)) {
    const { fn, args } = node as unknown as { fn: MathNode; args: MathNode[] };
    const name = math.isSymbolNode(fn) ? fn.name : String(fn);
    if (!math.isSymbolNode(fn) || !FUNCTIONS.some((known) => known === name)) refuse(`${name}()`, FUNCTIONS);
    for (const arg of args) allow(arg, text, names);
    return;
  }
  if (math.isOperatorNode(node)) {
    if (!OPERATORS.includes(node.fn)) refuse(`operator ${node.op}`, OPERATORS);
  } else if (!PARTS.includes(node.type)) {
    refuse(`${node.type.replace(/Node$/, "")} "${String(node)}"`, ["arithmetic", "comparisons", "and, or, not", "? :"]);
  }
  node.forEach((child) => void allow(child, text, names));
}

function attempt<T>(text: string, action: () => T): T {
  try {
    return action();
  } catch (cause) {
    throw new InputError([`"${text}": ${(cause as Error).message}`], { cause });
  }
}
