import { defineEntity, p } from "@mikro-orm/core";
import { Exercise } from "../exercises/exercise.entity.js";

const WorkoutSchema = defineEntity({
  name: "Workout",
  tableName: "workout",
  properties: {
    id: p.uuid().primary().defaultRaw("gen_random_uuid()"),
    title: p.string().length(160),
    notes: p.text().default(""),
    createdAt: p.datetime().defaultRaw("now()"),
    entries: () =>
      p.oneToMany(WorkoutEntry).mappedBy("workout").orphanRemoval().orderBy({ position: "asc" }),
  },
});

export class Workout extends WorkoutSchema.class {}
WorkoutSchema.setClass(Workout);

const WorkoutEntrySchema = defineEntity({
  name: "WorkoutEntry",
  tableName: "workout_entry",
  properties: {
    id: p.uuid().primary().defaultRaw("gen_random_uuid()"),
    workout: () => p.manyToOne(Workout).deleteRule("cascade").index(),
    position: p.smallint(),
    exercise: () => p.manyToOne(Exercise).deleteRule("restrict").index(),
    sets: p.smallint(),
    reps: p.smallint(),
    weightKg: p.decimal("number").precision(5).scale(2).nullable(),
    restSeconds: p.smallint().nullable(),
  },
});

/** One line of a workout; `position` counts from 0. */
export class WorkoutEntry extends WorkoutEntrySchema.class {}
WorkoutEntrySchema.setClass(WorkoutEntry);
