/**
 * Long arithmetic in a loop lets nobody else in: neither a timer or a click that aborts it, nor the repaint that shows its
 * progress. A break now and then does, at a cost that is not seen.
 */

/** Time that nobody else gets in for, in milliseconds: about what a person takes for "at once". */
const BREAK_EVERY_MS = 100;

/** What a loop awaits in each turn: mostly nothing, and every 100 ms a turn of the event loop. */
export function eventLoopBreaks(): () => Promise<void> | undefined {
  let last = performance.now();
  return () => {
    if (performance.now() - last < BREAK_EVERY_MS) return undefined;
    return new Promise((resolve) =>
      setTimeout(() => {
        last = performance.now();
        resolve();
      }),
    );
  };
}
