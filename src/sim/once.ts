/**
 * What is made of a mask or a geometry once, for all machines that ask for the same: it is forgotten with what it was made of.
 */

const made = new WeakMap<object, Map<string, unknown>>();

/** What `make` returns, made once for `of` and `key`, which names the maker and all that it depends on besides. Not to be changed. */
export function once<T>(of: object, key: readonly (string | number | boolean | undefined)[], make: () => T): T {
  let known = made.get(of);
  if (known === undefined) {
    known = new Map();
    made.set(of, known);
  }
  const name = key.join();
  if (!known.has(name)) known.set(name, make());
  return known.get(name) as T;
}
