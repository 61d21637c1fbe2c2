/** More threads than that for each core wait for each other, and each takes memory of its own. */
const THREADS_PER_CORE = 4;

/** How many of the threads that were asked for are started on a computer with so many cores; results never depend on it. */
export function usefulThreads(asked: number, cores: number): number {
  return Math.min(asked, THREADS_PER_CORE * cores);
}
