/**
 * What is made of a mask or a geometry once, for all machines that ask for the same: it is forgotten with what it was made of, and
 * where many ask for something else, as in a sweep over parameters, before that.
 */

/** Kept of one mask or geometry: those that were asked for last. */
const MOST_KEPT = 16;

const made = new WeakMap<object, Map<string, unknown>>();

/** What `make` returns, made once for `of` and `key`, which names the maker and all that it depends on besides. Not to be changed. */
export function once<T>(of: object, key: readonly unknown[], make: () => T): T {
  let known = made.get(of);
  if (known === undefined) {
    known = new Map();
    made.set(of, known);
  }
  const name = JSON.stringify(key);
  const value = known.has(name) ? (known.get(name) as T) : make();
  known.delete(name);
  known.set(name, value);
  if (known.size > MOST_KEPT) known.delete(known.keys().next().value as string);
  return value;
}
