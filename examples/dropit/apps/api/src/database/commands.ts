import { MikroORM } from "@mikro-orm/postgresql";
import { readConfig } from "../config.js";
import { ormOptions } from "./orm.js";

/** Key of the advisory lock that lets one process at a time change schema or seed data. */
export const DATABASE_LOCK = 7_364_210;

/**
 * Runs one command on the database, then ends the process: status 0, or 1 with the cause on
 * standard error. An interrupted command ends at once; the database undoes its transaction.
 */
export async function runCommand(command: (orm: MikroORM) => Promise<string>): Promise<void> {
  // Node.js as process 1 of a container would otherwise ignore these signals.
  for (const [signal, status] of [
    ["SIGTERM", 143],
    ["SIGINT", 130],
  ] as const) {
    process.once(signal, () => process.exit(status));
  }
  try {
    const orm = await MikroORM.init(ormOptions(readConfig()));
    try {
      console.log(await command(orm));
    } finally {
      await orm.close();
    }
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    process.exitCode = 1;
  }
}

/** Does `work` while holding the lock; a second process waits until the first has finished. */
export function withDatabaseLock<T>(orm: MikroORM, work: () => Promise<T>): Promise<T> {
  return orm.em.fork().transactional(async (em) => {
    await em.execute(`select pg_advisory_xact_lock(${DATABASE_LOCK})`);
    return work();
  });
}
