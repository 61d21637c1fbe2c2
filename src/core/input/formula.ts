/**
 * Formulas from files: energies, quantities with units, and constraints of sweeps. mathjs parses them into a tree; whatever of
 * that is not in the list below is refused before anything is computed, so that a file can neither reach what else mathjs can
 * do nor ask for work without end. The same text and values always give the same: nothing is defined or kept.
 *
 *     formula   = number | name | unit | ( formula )
 *               | formula (+ − * / ^) formula | −formula | formula formula, a product
 *     condition = also true, false, % and mod, comparisons, and, or, xor, not, c ? a : b, and the functions that the caller names
 */
import type { MathNode, MathNumericType, Unit } from "mathjs";
import { mathjs } from "../mathjs.ts";
import { InputError } from "./input-error.ts";
import { MOST_EXPONENT, MOST_FORMULA_CHARACTERS, MOST_FORMULA_LEVELS, MOST_FORMULA_NODES } from "./limits.ts";
import { UNITS } from "./units-table.ts";

const UNIT_EXAMPLES = "pJ, W, V, A, s, Hz, B, b, with prefixes as k, Mi, n";

/** mathjs's names of operators. */
const ARITHMETIC = ["add", "subtract", "multiply", "divide", "pow", "unaryMinus", "unaryPlus"];
const COMPARISONS = ["smaller", "smallerEq", "larger", "largerEq", "equal", "unequal"];
const LOGIC = ["mod", "and", "or", "xor", "not"];

/** What a formula may hold beside arithmetic. */
export interface FormulaKind {
  /** Names that have values; any where not given. */
  readonly names?: readonly string[];
  /** Whether units are known. */
  readonly hasUnits?: boolean;
  /** Whether it is a condition, with these functions. */
  readonly functions?: readonly string[];
}

/** A value: units stand for physical quantities. */
export type FormulaValue = number | boolean | Unit;

/** A formula that was read. */
export interface Formula {
  /** Names that it needs values for, each once. */
  readonly names: readonly string[];
  /** @throws InputError where it cannot be computed. */
  evaluate(values: ReadonlyMap<string, number | boolean>): FormulaValue;
}

/** Reads a formula. @throws InputError naming what is not allowed, not known, or too much. */
export function parseFormula(text: string, kind: FormulaKind): Formula {
  checkText(text);
  const tree = parsed(text);
  const names = new Set<string>();
  const nodes = allow(tree, kind, names);
  if (nodes > MOST_FORMULA_NODES)
    throw refused(`${nodes} numbers, names and operators`, `at most ${MOST_FORMULA_NODES}`);
  return { names: [...names], evaluate: (values) => valueIn(tree, values) };
}

function parsed(text: string): MathNode {
  try {
    return mathjs().parse(text);
  } catch (cause) {
    throw new InputError([`cannot be read: ${cause instanceof Error ? cause.message : "no formula"}`], { cause });
  }
}

/** The parser calls itself for each level: long and deep texts are refused before it sees them. */
function checkText(text: string): void {
  if (text.length > MOST_FORMULA_CHARACTERS) {
    throw refused(`${text.length} characters`, `at most ${MOST_FORMULA_CHARACTERS}`);
  }
  const [odd] = /[^\w\s.+\-*/^%()<>=!?:,]/.exec(text) ?? [];
  if (odd !== undefined) throw refused(`the character ${odd}`, "numbers, names and arithmetic");
  let levels = 0;
  for (const character of text) {
    if (character === "(") levels++;
    else if (character === ")") levels--;
    if (levels > MOST_FORMULA_LEVELS) throw refused("deeper parentheses", `at most ${MOST_FORMULA_LEVELS} levels`);
  }
}

function refused(got: string, valid: string): InputError {
  return new InputError([`is not allowed in a formula, got ${got}; valid: ${valid}`]);
}

/** The number of nodes of a tree that holds nothing but what its kind may; its names are added to `names`. */
function allow(node: MathNode, kind: FormulaKind, names: Set<string>): number {
  const { functions } = kind;
  let inner: MathNode[] = [];
  if (mathjs().isSymbolNode(node)) allowName(node.name, kind, names);
  else if (mathjs().isConstantNode(node)) {
    const { value } = node as unknown as { value: unknown };
    if (typeof value !== "number" && (typeof value !== "boolean" || functions === undefined))
      throw notAllowed(node, kind);
  } else if (mathjs().isFunctionNode(node)) {
    const { fn, args } = node as unknown as { fn: MathNode; args: MathNode[] };
    const name = mathjs().isSymbolNode(fn) ? fn.name : String(fn);
    if (!mathjs().isSymbolNode(fn) || !functions?.includes(name)) {
      throw refused(`the function ${name}()`, functions === undefined ? "no function" : functions.join(", "));
    }
    inner = args;
  } else {
    const operators = functions === undefined ? ARITHMETIC : [...ARITHMETIC, ...COMPARISONS, ...LOGIC];
    const isOperator = mathjs().isOperatorNode(node) && operators.includes(node.fn);
    const isCondition = node.type === "ConditionalNode" || node.type === "RelationalNode";
    if (!isOperator && node.type !== "ParenthesisNode" && !(isCondition && functions !== undefined)) {
      throw notAllowed(node, kind);
    }
    node.forEach((child) => void inner.push(child));
  }
  return inner.reduce((sum, child) => sum + allow(child, kind, names), 1);
}

function allowName(name: string, { names: known, hasUnits, functions }: FormulaKind, names: Set<string>): void {
  if (known === undefined || known.includes(name)) names.add(name);
  else if (!(hasUnits && UNITS.has(name))) {
    const valid = [...known, ...(hasUnits ? [UNIT_EXAMPLES] : []), ...(functions ?? [])];
    throw refused(`the name ${name}`, valid.join(", "));
  }
}

function notAllowed(node: MathNode, { functions }: FormulaKind): InputError {
  const what = mathjs().isOperatorNode(node) ? `the operator ${node.op}` : node.type.replace(/Node$/, "").toLowerCase();
  return refused(
    what,
    functions === undefined ? "+ - * / ^ ( )" : "+ - * / ^ % ( ), comparisons, and, or, xor, not, ? :",
  );
}

type Values = ReadonlyMap<string, number | boolean>;

function valueIn(node: MathNode, values: Values): FormulaValue {
  const { type } = node;
  if (mathjs().isSymbolNode(node)) return values.get(node.name) ?? unitNamed(node.name);
  if (mathjs().isConstantNode(node)) return (node as unknown as { value: number | boolean }).value;
  if (mathjs().isParenthesisNode(node)) return valueIn(node.content, values);
  if (type === "ConditionalNode") {
    const { condition, trueExpr, falseExpr } = node as unknown as Record<string, MathNode>;
    return valueIn(valueIn(condition, values) ? trueExpr : falseExpr, values);
  }
  if (type === "RelationalNode") return relation(node as unknown as Relation, values);
  const { fn, args } = node as unknown as { fn: string | { name: string }; args: MathNode[] };
  return apply(
    typeof fn === "string" ? fn : fn.name,
    args.map((arg) => valueIn(arg, values)),
  );
}

function unitNamed(name: string): Unit {
  if (!UNITS.has(name)) throw new InputError([`has no value for ${name}`]);
  return mathjs().unit(name);
}

/** A chain of comparisons, as `1 < a <= 8`. */
interface Relation {
  readonly conditionals: readonly string[];
  readonly params: readonly MathNode[];
}

function relation({ conditionals, params }: Relation, values: Values): boolean {
  const sides = params.map((param) => valueIn(param, values));
  return conditionals.every((comparison, index) => apply(comparison, [sides[index], sides[index + 1]]));
}

type Functions = Readonly<Record<string, (...values: readonly FormulaValue[]) => MathNumericType | Unit>>;

function apply(name: string, args: readonly FormulaValue[]): FormulaValue {
  if (name === "pow" && !(typeof args[1] === "number" && Math.abs(args[1]) <= MOST_EXPONENT)) {
    throw new InputError([
      `has an exponent of ${String(args[1])}; valid: numbers from −${MOST_EXPONENT} to ${MOST_EXPONENT}`,
    ]);
  }
  const value: unknown = computed(name, args);
  if (typeof value === "number" || typeof value === "boolean" || mathjs().isUnit(value)) return value;
  throw new InputError([`cannot be computed: ${name} of ${args.join(" and ")} is not a real number`]);
}

function computed(name: string, args: readonly FormulaValue[]): unknown {
  try {
    return (mathjs() as unknown as Functions)[name](...args);
  } catch (cause) {
    throw new InputError([`cannot be computed: ${name} of ${args.join(" and ")}`], { cause });
  }
}

/** A quantity as a number of `unit`s. @throws InputError for what is none, and for other dimensions. */
export function inUnits(value: FormulaValue, unit: string): number {
  if (!mathjs().isUnit(value)) throw new InputError([`is not a quantity, got ${String(value)}`]);
  const wanted = mathjs().unit(unit);
  if (!value.equalBase(wanted)) throw new InputError([`has another dimension than ${unit}, got ${String(value)}`]);
  return value.toNumber(unit);
}
