/** `db:migration:create`: writes the next migration from what changed in the entities. */
import { basename } from "node:path";
import { runCommand } from "./database/commands.js";

await runCommand(async (orm) => {
  const { fileName } = await orm.migrator.create();
  return fileName === ""
    ? "No entity changed"
    : `Wrote ${basename(fileName)}: review it, then add it to src/database/migrations/index.ts`;
});
