/**
 * A package that most runs do without, loaded where it is needed: at once, as who needs it cannot wait. Undefined where nothing
 * can be loaded like that, as in a browser.
 */
export function onDemand<Module>(name: string): Module | undefined {
  const built = globalThis.process?.getBuiltinModule?.("node:module");
  return built?.createRequire(import.meta.url)(name) as Module | undefined;
}
