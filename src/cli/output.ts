/** When stdout is closed or its disk is full, the work continues and the user is warned once. */
import type { Writable } from "node:stream";

/**
 * Keeps faults of a stream from ending the program. A reader that has seen enough, as `head`, closes the pipe: no fault of ours.
 * @param onFault is told of the first of any other kind.
 */
export function guardOutput(stream: Writable, onFault: (message: string) => void): void {
  let isTold = false;
  stream.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code === "EPIPE" || isTold) return;
    isTold = true;
    onFault(error.message);
  });
}
