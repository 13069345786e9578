import { fileURLToPath } from "node:url";
import { Migrator } from "@mikro-orm/migrations";
import { defineConfig } from "@mikro-orm/postgresql";
import { NotFoundException } from "@nestjs/common";
import { Athlete } from "../athletes/athlete.entity.js";
import type { Config } from "../config.js";
import { Exercise } from "../exercises/exercise.entity.js";
import { TrainingSession } from "../training-sessions/training-session.entity.js";
import { Workout, WorkoutEntry } from "../workouts/workout.entity.js";
import { migrations } from "./migrations/index.js";

const CONNECT_MILLISECONDS = 3000;

/** Options of MikroORM. Entities and migrations are listed, so nothing is searched at start. */
export function ormOptions(config: Pick<Config, "databaseUrl" | "databasePool">) {
  return defineConfig({
    clientUrl: config.databaseUrl,
    entities: [Athlete, Exercise, Workout, WorkoutEntry, TrainingSession],
    extensions: [Migrator],
    pool: { max: config.databasePool },
    colors: process.stdout.isTTY === true,
    driverOptions: { connectionTimeoutMillis: CONNECT_MILLISECONDS },
    findOneOrFailHandler: (entity) => new NotFoundException(`No such ${entity.toLowerCase()}`),
    migrations: {
      migrationsList: migrations,
      // New migrations are written next to the sources, whatever runs the command.
      path: fileURLToPath(new URL("../../src/database/migrations", import.meta.url)),
      emit: "ts",
      // The snapshot lets a migration be made without a database at the previous version.
      snapshot: true,
      snapshotName: "schema",
      snapshotOnMigrate: false,
    },
  });
}
