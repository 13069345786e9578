/** `db:seed`: fills an empty database with sample data. */
import { runCommand } from "./database/commands.js";
import { seed } from "./database/seed.js";

await runCommand(async (orm) => {
  const seeded = await seed(orm);
  return seeded ? "Seeded" : "There is data already: nothing was seeded";
});
