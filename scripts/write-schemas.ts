/** `npm run schemas`: writes the published JSON Schemas into schemas/. A test holds the files to the declarations. */
import { writeJsonFile } from "../src/io/atomic-file.ts";
import { accelerators } from "../src/sim/arrays/index.ts";
import { publishedSchemas } from "../src/studies/schemas.ts";

for (const [name, schema] of Object.entries(publishedSchemas(accelerators))) {
  await writeJsonFile(`schemas/${name}`, schema);
}
