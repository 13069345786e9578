/** `db:migrate`: brings the schema to the version of this build. Safe to run again and at once. */
import { runCommand, withDatabaseLock } from "./database/commands.js";

await runCommand((orm) =>
  withDatabaseLock(orm, async () => {
    const done = await orm.migrator.up();
    return done.length === 0
      ? "The schema is up to date"
      : `Migrated: ${done.map((migration) => migration.name).join(", ")}`;
  }),
);
