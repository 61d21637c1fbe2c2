/** Ctrl-C, SIGTERM and SIGHUP ask a command to save what it has and to end; a second one ends the process at once. */

/** What a shell says of a process that a signal has ended. */
const EXIT_CODES = { SIGHUP: 129, SIGINT: 130, SIGTERM: 143 } as const;
type Ending = keyof typeof EXIT_CODES;
const NAMES = Object.keys(EXIT_CODES) as Ending[];

/** Listens from `listenForInterruption` to `end`. */
export interface Interruption {
  /** Aborted by the first of those signals. */
  readonly signal: AbortSignal;
  /** Tells that the work was not finished: makes the exit code that of the signal. */
  readonly exit: () => void;
  readonly end: () => void;
}

export function listenForInterruption(): Interruption {
  const abort = new AbortController();
  let code: number = EXIT_CODES.SIGINT;
  const end = () => {
    for (const name of NAMES) process.removeListener(name, onSignal);
  };
  const onSignal = (name: Ending) => {
    code = EXIT_CODES[name];
    end();
    abort.abort();
  };
  for (const name of NAMES) process.on(name, onSignal);
  const exit = () => {
    process.exitCode = code;
  };
  return { signal: abort.signal, exit, end };
}
