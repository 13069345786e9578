import type { EntityManager, MikroORM } from "@mikro-orm/postgresql";
import { Athlete } from "../athletes/athlete.entity.js";
import { Exercise } from "../exercises/exercise.entity.js";
import { TrainingSession } from "../training-sessions/training-session.entity.js";
import { Workout, WorkoutEntry } from "../workouts/workout.entity.js";
import { withDatabaseLock } from "./commands.js";
import { athletes, exercises, workouts } from "./seed-data.js";

const DAY = 24 * 60 * 60 * 1000;

/**
 * Fills the database with sample data when it holds no exercise and no athlete.
 *
 * Several processes may call this at once: one seeds, the others wait and find data.
 * Returns whether anything was written.
 */
export async function seed(orm: MikroORM): Promise<boolean> {
  return withDatabaseLock(orm, () =>
    orm.em.fork().transactional(async (em) => {
      if ((await em.count(Exercise)) > 0 || (await em.count(Athlete)) > 0) {
        return false;
      }
      fill(em);
      return true;
    }),
  );
}

function fill(em: EntityManager): void {
  const people = athletes.map((values) => em.create(Athlete, values));
  const catalogue = new Map(
    exercises.map((values) => [values.name, em.create(Exercise, values)] as const),
  );
  const plans = workouts.map(({ entries, ...values }) => {
    const workout = em.create(Workout, values);
    for (const [position, { exercise, ...entry }] of entries.entries()) {
      const found = catalogue.get(exercise);
      if (!found) {
        throw new Error(`The sample data has no exercise ${exercise}`);
      }
      em.create(WorkoutEntry, { ...entry, workout, exercise: found, position });
    }
    return workout;
  });
  for (const [index, athlete] of people.entries()) {
    for (const [offset, workout] of plans.entries()) {
      const days = offset * 2 - 3 + (index % 2);
      em.create(TrainingSession, {
        athlete,
        workout,
        scheduledOn: new Date(Date.now() + days * DAY).toISOString().slice(0, 10),
        status: days < 0 ? "done" : "planned",
        notes: "",
      });
    }
  }
}
