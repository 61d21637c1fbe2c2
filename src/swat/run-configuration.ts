/**
 * The run configurations of the SWAT authors' CIFAR code, YAML, as settings of ours: they are read unchanged. What their
 * code reads but ignores (`nesterov`, `bn_weight_decay`) does here what it says; see docs/methods.md. Keys from
 * `evaluation` on are ours.
 */

import { Lexer, parseDocument } from "yaml";
import { MOST_LEVELS, MOST_YAML_CHARACTERS, MOST_YAML_INDENTATION } from "../core/input/limits.ts";
import { type Static, Type } from "../core/input/schema.ts";
import { SPARSITY_RANGE } from "../core/sparsity-range.ts";
import { checkSchema, InputError } from "../io/faults.ts";
import { precompiled } from "../io/validators/program.ts";
import type { Method } from "../sparsity/methods.ts";
import { SHARE_AT, SHARE_BY, SHARINGS, sharingOptions } from "../sparsity/sharing.ts";
import type { Pruning } from "../sparsity/structured.ts";
import { EVALUATIONS } from "./layers/layer.ts";
import type { RateStep, TrainSettings } from "./settings.ts";

const METHOD_OF = {
  constant: "swat-u",
  erdos_renyi: "swat-er",
  erdos_renyi_kernel: "swat-erk",
  momentum: "swat-m",
} as const satisfies Record<string, Method>;

const PRUNING_OF = {
  unstructured: "unstructured",
  structured_channel: "channel",
  structured_filter: "filter",
} as const satisfies Record<string, Pruning>;

const positive = Type.Optional(Type.Integer({ minimum: 1 }));
const boolean = Type.Optional(Type.Boolean());

const Schema = Type.Object(
  {
    lr_schedule: Type.Optional(Type.Array(Type.Record(Type.Number({ exclusiveMinimum: 0 })), { minItems: 1 })),
    total_epoch: positive,
    train_batch_size: positive,
    test_batch_size: positive,
    weight_decay: Type.Optional(Type.Number({ minimum: 0 })),
    bn_weight_decay: boolean,
    momentum: Type.Optional(Type.Number({ minimum: 0, exclusiveMaximum: 1 })),
    nesterov: boolean,
    sparsity: Type.Optional(Type.Number(SPARSITY_RANGE)),
    topk_period: positive,
    warmup: Type.Optional(Type.Integer()),
    num_conv_layer: positive,
    pruning_type: Type.Optional(Type.Enum(keysOf(PRUNING_OF))),
    pruning_mode: Type.Optional(Type.Enum(keysOf(METHOD_OF))),
    sparsify_first_layer: boolean,
    sparsify_last_layer: boolean,
    evaluation: Type.Optional(Type.Enum([...EVALUATIONS])),
    sharing: Type.Optional(Type.Enum(keysOf(SHARINGS))),
    share_by: Type.Optional(Type.Enum([...SHARE_BY])),
    share_growth: Type.Optional(Type.Number({ exclusiveMinimum: 1 })),
    share_at: Type.Optional(Type.Enum([...SHARE_AT])),
    keep_filters: boolean,
  },
  { additionalProperties: false },
);
precompiled(Schema);

/** What a file says; settings that it does not name are absent. */
export interface RunConfiguration {
  readonly settings: Partial<TrainSettings>;
  /** Convolutions of the network that the file was written for. */
  readonly convolutions: number | undefined;
}

/**
 * The configuration in the text of a YAML file; `where` names it in messages. A negative `warmup` is none, and
 * `test_batch_size` changes no result.
 * @throws InputError naming every unknown key and wrong value, with what is valid.
 */
export function parseRunConfiguration(text: string, where: string): RunConfiguration {
  const file = checkSchema(Schema, parseYaml(text, where), where);
  const not = (value: boolean | undefined) => (value === undefined ? undefined : !value);
  return {
    settings: defined<TrainSettings>({
      method: file.pruning_mode && METHOD_OF[file.pruning_mode],
      pruning: file.pruning_type && PRUNING_OF[file.pruning_type],
      sparsity: file.sparsity,
      topKPeriod: file.topk_period,
      warmup: file.warmup === undefined ? undefined : Math.max(0, file.warmup),
      firstLayerDense: not(file.sparsify_first_layer),
      lastLayerDense: not(file.sparsify_last_layer),
      epochs: file.total_epoch,
      batchSize: file.train_batch_size,
      schedule: scheduleOf(file, where),
      momentum: file.momentum,
      nesterov: file.nesterov,
      weightDecay: file.weight_decay,
      batchNormDecay: file.bn_weight_decay,
      evaluation: file.evaluation,
      ...sharingOptions(file.sharing, {
        shareBy: file.share_by,
        shareGrowth: file.share_growth,
        shareAt: file.share_at,
        keepFilters: file.keep_filters,
      }),
    }),
    convolutions: file.num_conv_layer,
  };
}

function parseYaml(text: string, where: string): unknown {
  checkYamlText(text, where);
  const document = refusingYaml(where, () => parseDocument(text));
  // Where the parser warns, as of a tag that it does not know, it guesses what was meant.
  const [fault] = [...document.errors, ...document.warnings];
  if (fault !== undefined) throw new InputError([`${where}: ${fault.message.split("\n")[0]}`], { cause: fault });
  return refusingYaml(where, () => document.toJS());
}

function refusingYaml<T>(where: string, action: () => T): T {
  try {
    return action();
  } catch (cause) {
    throw new InputError([`${where}: ${YAML_REASON}`], { cause });
  }
}

/** What else its parser throws: references to references, which would become gigabytes. */
const YAML_REASON = "is not YAML that can be read: has too many aliases, or nests them too deeply";

const CLOSING: Readonly<Record<string, string>> = { "[": "]", "{": "}" };

/** The parser calls itself for each level, and at some hundreds the runtime may end. @throws InputError */
function checkYamlText(text: string, where: string): void {
  const most = (what: string, got: number, limit: number) => {
    if (got > limit)
      throw new InputError([`${where}: has too many ${what}, got over ${limit}; valid: at most ${limit}`]);
  };
  most("characters", text.length, MOST_YAML_CHARACTERS);
  for (const line of text.split("\n")) most("blanks before an entry", line.search(/\S|$/), MOST_YAML_INDENTATION);
  const open: string[] = [];
  let entries = 0;
  for (const token of new Lexer().lex(text)) {
    if (token.endsWith("\n")) entries = 0;
    else if (token === "-" || token === "?") most("lists in lists in one line", ++entries, MOST_LEVELS);
    else if (Object.hasOwn(CLOSING, token)) most("lists in lists", open.push(CLOSING[token]), MOST_LEVELS);
    else if (token === open.at(-1)) open.pop();
  }
}

/** Entries `epoch: rate`, together or one by one. */
function scheduleOf({ lr_schedule }: Static<typeof Schema>, where: string): readonly RateStep[] | undefined {
  if (lr_schedule === undefined) return undefined;
  const entries = lr_schedule.flatMap((entry) => Object.entries(entry));
  const steps = entries.map(([epoch, rate]) => ({ epoch: Number(epoch), rate }));
  const rises = steps.every(({ epoch }, i) => (i === 0 ? epoch === 0 : epoch > steps[i - 1].epoch));
  if (steps.length > 0 && rises && steps.every(({ epoch }) => Number.isSafeInteger(epoch))) return steps;
  const got = entries.map(([epoch]) => epoch).join(", ") || "none";
  throw new InputError([
    `${where}: lr_schedule: epochs must begin at 0 and rise, got ${got}; valid: - 0: 0.1, - 50: 0.01`,
  ]);
}

function defined<Value extends object>(
  values: {
    readonly [Key in keyof Value]?: Value[Key] | undefined;
  },
): Partial<Value> {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as Partial<Value>;
}

function keysOf<Key extends string>(table: Readonly<Record<Key, unknown>>): Key[] {
  return Object.keys(table) as Key[];
}
