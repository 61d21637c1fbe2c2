/** Numbers of nested records by the names on the way to them, as `cycles.compute`. */

/** Numbers by path. */
export type Numbers = ReadonlyMap<string, number>;

/** The paths of all numbers of a type, so that a renamed field is an error; lists are left out. */
export type NumberPath<T> = {
  [Name in keyof T & string]-?: NonNullable<T[Name]> extends number
    ? Name
    : NonNullable<T[Name]> extends readonly unknown[] | string
      ? never
      : NonNullable<T[Name]> extends object
        ? `${Name}.${NumberPath<NonNullable<T[Name]>>}`
        : never;
}[keyof T & string];

/** The numbers of nested records; lists are left out. */
export function numbersIn(value: unknown, path = "", into = new Map<string, number>()): Map<string, number> {
  if (typeof value === "number") into.set(path, value);
  if (typeof value !== "object" || value === null || Array.isArray(value)) return into;
  for (const [name, inner] of Object.entries(value)) numbersIn(inner, path === "" ? name : `${path}.${name}`, into);
  return into;
}
