/**
 * Errors about input, and the boundary that makes them: whatever a parser throws at what a user gave becomes an `InputError` of
 * one line or more, in words of this program.
 */
import { MOST_FAULT_CHARACTERS, MOST_FAULTS } from "./limits.ts";
import { visible } from "./visible-text.ts";

/** One or more faults of an input, one line each: `<where>: <what is wrong>, got <value>; known: …`. */
export class InputError extends Error {
  readonly faults: readonly string[];
  /** Fields that were given a name which is neither known nor that of a file. */
  readonly unknownNames: readonly string[];

  constructor(faults: readonly string[], options?: ErrorOptions & { readonly unknownNames?: readonly string[] }) {
    const lines = faults.slice(0, MOST_FAULTS).map((fault) => shortened(fault, MOST_FAULT_CHARACTERS));
    const more = faults.length - lines.length;
    if (more > 0) lines.push(`and at least ${more} more`);
    super(lines.join("\n"), options);
    this.name = "InputError";
    this.faults = lines;
    this.unknownNames = options?.unknownNames ?? [];
  }
}

/** The lines of an error: all of an InputError's, one of any other. */
export function faultsOf(error: unknown): readonly string[] {
  return isInputError(error) ? error.faults : [reasonOf(error)];
}

/**
 * One error with the faults of several.
 * @throws the first of `errors` that is a mistake of this program: it must not read like a fault of the input.
 */
function joined(errors: readonly unknown[]): InputError {
  const internal = errors.find(isInternal);
  if (internal !== undefined) throw internal;
  if (errors.length === 1 && isInputError(errors[0])) return errors[0];
  const unknownNames = errors.flatMap((error) => (isInputError(error) ? error.unknownNames : []));
  return new InputError(errors.flatMap(faultsOf), { cause: errors[0], unknownNames });
}

/** What all of `promises` give. @throws InputError with the faults of all that fail, not only of the first. */
export async function allOf<const T extends readonly unknown[]>(
  promises: T,
): Promise<{ -readonly [Index in keyof T]: Awaited<T[Index]> }> {
  const settled = await Promise.allSettled(promises);
  const failed = settled.flatMap((outcome) => (outcome.status === "rejected" ? [outcome.reason as unknown] : []));
  if (failed.length > 0) throw joined(failed);
  return settled.map((outcome) => (outcome as PromiseFulfilledResult<unknown>).value) as never;
}

/** Errors of the runtime that nothing but code raises. */
const OF_CODE = [TypeError, RangeError, ReferenceError, SyntaxError, EvalError, URIError];
/** What systems say, and what Node says of a thread that finds no memory. */
const OF_SYSTEM = /^(E(?!RR_)[A-Z\d]+|ERR_WORKER_OUT_OF_MEMORY)$/;
const NO_MEMORY = /allocation failed|could not allocate memory/i;

/** Whether an error is a mistake of this program: not one that it throws itself for an input, nor one of the system. */
export function isInternal(error: unknown): error is Error {
  try {
    if (!(error instanceof Error) || isInputError(error)) return false;
    if ("code" in error && typeof error.code === "string" && OF_SYSTEM.test(error.code)) return false;
    if (error instanceof RangeError && NO_MEMORY.test(error.message)) return false;
    return error.constructor === Error || OF_CODE.some((type) => error instanceof type);
  } catch {
    return false;
  }
}

/** An error that a thread ended with: its class is lost on the way. */
export function fromThread(error: unknown): unknown {
  const { name, faults, unknownNames } = error as InputError;
  if (name !== "InputError" || !Array.isArray(faults)) return error;
  return new InputError(faults, { cause: error, unknownNames });
}

/** Runs steps that may refuse their input and keeps the faults of all of them, to be reported at once. */
export function faultCollector(): {
  readonly faults: string[];
  /** What `action` gives; undefined, with its faults kept, where it throws an InputError. */
  readonly attempt: <T>(action: () => T) => T | undefined;
} {
  const faults: string[] = [];
  const attempt = <T>(action: () => T): T | undefined => {
    try {
      return action();
    } catch (error) {
      if (!isInputError(error)) throw error;
      for (const fault of error.faults) faults.push(fault);
      return undefined;
    }
  };
  return { faults, attempt };
}

/**
 * What `action` makes, now or later, of the input that `where` names.
 * @throws InputError for whatever it throws: its own as it is, others in words.
 */
export function refusing<T>(where: string, action: () => T): T {
  try {
    const made = action();
    if (!(made instanceof Promise)) return made;
    return made.catch((error: unknown) => {
      throw refusal(where, error);
    }) as T;
  } catch (error) {
    throw refusal(where, error);
  }
}

function refusal(where: string, error: unknown): InputError {
  return isInputError(error) ? error : new InputError([`${where}: ${reasonOf(error)}`], { cause: error });
}

/** What `action` gives, now or later. @throws InputError for whatever it throws, each fault beginning with `where`. */
export function within<T>(where: string, action: () => T): T {
  const refuse = (cause: unknown): never => {
    throw new InputError(
      faultsOf(cause).map((fault) => `${where}: ${fault}`),
      { cause },
    );
  };
  try {
    const made = action();
    return made instanceof Promise ? (made.catch(refuse) as T) : made;
  } catch (cause) {
    return refuse(cause);
  }
}

/** The reasons of the runtime, which speak of its own code. */
const DEPTH = /call stack|recursion/i;
const OF_THE_RUNTIME = [TypeError, ReferenceError, SyntaxError, EvalError, URIError];
const MOST_REASON_CHARACTERS = 400;

/** What is wrong, in one line, whatever was thrown: a value that is no error, or an error that cannot be read. */
export function reasonOf(error: unknown): string {
  try {
    if (!(error instanceof Error))
      return typeof error === "string" ? shortened(error, MOST_REASON_CHARACTERS) : "cannot be read";
    if (isInputError(error)) return error.faults.join("; ");
    const { message } = error;
    if (typeof message !== "string" || message === "") return "cannot be read";
    if (error instanceof RangeError) {
      if (NO_MEMORY.test(message)) return "needs more memory than this process can have";
      return DEPTH.test(message) ? "is nested too deeply" : "needs larger arrays or texts than this runtime has";
    }
    const type = OF_THE_RUNTIME.find((each) => error instanceof each);
    return type === undefined
      ? shortened(message, MOST_REASON_CHARACTERS)
      : `is not what its reader expects (${type.name})`;
  } catch {
    return "cannot be read";
  }
}

function shortened(text: string, most: number): string {
  // What is made visible takes more room.
  const seen = visible(text.slice(0, most));
  return text.length > most || seen.length > most ? `${seen.slice(0, most)}…` : seen;
}

function isInputError(error: unknown): error is InputError {
  try {
    return error instanceof InputError && Array.isArray(error.faults);
  } catch {
    return false;
  }
}
