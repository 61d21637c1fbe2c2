/**
 * An energy table: what one action costs, in one family of constants (a process node and who published its numbers), each
 * constant with its source. Energy is counts of actions × table, the form of Accelergy (Wu et al., ICCAD 2019).
 */
import { type Static, Type } from "../../core/input/schema.ts";
import { energyFormula, quantity } from "../../core/input/units.ts";
import { checkNamedSchema, checkSchema, faultCollector, InputError, precompiled, refusing } from "../../io/faults.ts";
import { ACCUMULATE, MULTIPLY } from "../hardware/datatypes.ts";
import { DRAM_ACTIONS } from "../memory/dram/energy.ts";

const strict = { additionalProperties: false };

const MACS = MULTIPLY.flatMap((multiply) => ACCUMULATE.map((sum) => `mac.${multiply}-${sum}` as const));
const VECTORS = ACCUMULATE.map((type) => `vector.${type}` as const);

/** What a table may hold, and what one of each is. */
const PER = {
  ...(Object.fromEntries(MACS.map((action) => [action, "MAC"])) as Record<(typeof MACS)[number], string>),
  ...(Object.fromEntries(VECTORS.map((action) => [action, "element"])) as Record<(typeof VECTORS)[number], string>),
  "register.read": "B",
  "register.write": "B",
  "mux.bit": "bit",
  "scheduler.bit": "bit",
  "sram.read": "B",
  "sram.write": "B",
  ...DRAM_ACTIONS,
} as const;

/** Name of an action. */
export type Action = keyof typeof PER;

const SOURCE = Type.String({
  minLength: 1,
  description: "Where it comes from; says so if it is scaled or an estimate.",
});

const constant = (action: string, per: string) =>
  Type.Optional(
    Type.Object(
      {
        value: Type.String({
          description: action.startsWith("sram.")
            ? `Per ${per}, of the kilobytes of a bank, as "1.25 pJ * (kilobytes / 8) ^ 0.47".`
            : `Per ${per}, as "0.9 pJ" or "0.2 pJ + 0.1 pJ".`,
        }),
        source: SOURCE,
      },
      strict,
    ),
  );

/** An energy table in a file. */
export const EnergyTableSchema = Type.Object(
  {
    $schema: Type.Optional(Type.String({ description: "For editors." })),
    name: Type.String({ pattern: "^[a-z0-9][a-z0-9.-]*$", description: "Equals the file name." }),
    node: Type.String({ minLength: 1, description: 'Process node, as "45 nm".' }),
    family: Type.String({ minLength: 1, description: "Whose constants these are, and how sure." }),
    sramBank: Type.Object(
      { size: Type.String({ description: 'As "32 KiB".' }), source: SOURCE },
      { ...strict, description: "Bank of an on-chip memory whose config gives neither banks nor a width." },
    ),
    actions: Type.Object(
      Object.fromEntries(Object.entries(PER).map(([action, per]) => [action, constant(action, per)])) as Record<
        Action,
        ReturnType<typeof constant>
      >,
      strict,
    ),
  },
  strict,
);
precompiled(EnergyTableSchema);

/** A constant of a table. */
interface TableConstant {
  readonly value: string;
  /** What one action is, as "MAC" or "B". */
  readonly per: string;
  readonly source: string;
  /** Of one action; `kilobytes` (1,024 bytes) are those of a bank, for what depends on it. @throws Error that names file, action and kilobytes where that is no energy. */
  picojoules(values: { readonly kilobytes?: number }): number;
}

/** A checked table, as its file has it. */
export type EnergyTableConfig = Static<typeof EnergyTableSchema>;

/** A resolved table. */
export interface EnergyTable extends Pick<EnergyTableConfig, "name" | "node" | "family"> {
  /** The whole table as its file has it. */
  readonly config: EnergyTableConfig;
  readonly sramBank: { readonly bytes: number; readonly source: string };
  /** @throws Error that names what the table lacks. */
  constant(action: Action): TableConstant;
}

/**
 * Resolves a parsed table.
 * @param where for messages: the file's path.
 * @throws InputError with one line for each fault; an action that is not known is one.
 */
export function resolveEnergyTable(value: unknown, where: string): EnergyTable {
  return refusing(where, () => resolved(value, where));
}

function resolved(value: unknown, where: string): EnergyTable {
  checkNamedSchema(value, "energy-table", where);
  const { $schema: _, ...config } = checkSchema(EnergyTableSchema, value, where);
  const { name, node, family, sramBank, actions } = config;
  const { faults, attempt } = faultCollector();
  const bytes = attempt(() => quantity("size", sramBank.size, `${where}: sramBank.size`));
  const constants = new Map<string, TableConstant>();
  for (const [action, { value, source }] of Object.entries(actions)) {
    const names = action.startsWith("sram.") ? SMALLEST_BANK : {};
    const picojoules = attempt(() => energyFormula(value, names, `${where}: actions.${action}.value`));
    if (picojoules !== undefined) constants.set(action, { value, source, picojoules, per: PER[action as Action] });
  }
  if (faults.length > 0 || bytes === undefined) throw new InputError(faults);
  return {
    config,
    name,
    node,
    family,
    sramBank: { bytes, source: sramBank.source },
    constant(action) {
      const found = constants.get(action);
      if (found !== undefined) return found;
      throw new InputError([`energy table ${name}: has no "${action}"; known: ${[...constants.keys()].join(", ")}`]);
    },
  };
}

/** A size to try formulas with. */
const SMALLEST_BANK = { kilobytes: 1 };
