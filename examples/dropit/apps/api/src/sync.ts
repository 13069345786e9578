/** `db:sync`: makes the schema follow the entities without a migration. For prototypes only. */
import { runCommand, withDatabaseLock } from "./database/commands.js";

await runCommand((orm) =>
  withDatabaseLock(orm, async () => {
    const sql = await orm.schema.getUpdateSchemaSQL({ wrap: false });
    if (sql.trim() === "") {
      return "The schema follows the entities";
    }
    await orm.schema.execute(sql);
    return sql.trim();
  }),
);
