/** Marks schemas of files and options that browsers read none of, and brings their validators. */
import { VALIDATORS } from "./program.generated.ts";
import { addValidators } from "./registry.ts";

export { precompiled } from "./registry.ts";

addValidators(VALIDATORS);
