import { z } from "zod";
import { idSchema, text } from "./common.js";
import { exerciseSchema } from "./exercise.js";

/** One line of a workout: an exercise done `sets` times for `reps` repetitions. */
export const workoutEntrySchema = z.strictObject({
  exerciseId: idSchema,
  sets: z.number().int().min(1).max(50),
  reps: z.number().int().min(1).max(200),
  /** Weight on the bar in kilograms, in steps of a quarter; null without a prescribed load. */
  weightKg: z.number().min(0).max(500).multipleOf(0.25).nullable(),
  /** Rest between two sets, in seconds. */
  restSeconds: z.number().int().min(0).max(3600).nullable(),
});
export type WorkoutEntryInput = z.output<typeof workoutEntrySchema>;

const entries = z.array(workoutEntrySchema).max(50);
const notes = z.string().trim().max(4000);

export const newWorkoutSchema = z.strictObject({
  title: text(160),
  notes: notes.default(""),
  entries: entries.default([]),
});
export type NewWorkout = z.output<typeof newWorkoutSchema>;

/** When `entries` is there it replaces the whole list; the order sent is the order kept. */
export const workoutChangesSchema = z.strictObject({ title: text(160), notes, entries }).partial();
export type WorkoutChanges = z.output<typeof workoutChangesSchema>;

export const workoutSchema = z.object({
  id: idSchema,
  title: z.string(),
  notes: z.string(),
  createdAt: z.iso.datetime(),
  entries: z.array(
    z.object({
      id: idSchema,
      exercise: exerciseSchema,
      sets: z.number(),
      reps: z.number(),
      weightKg: z.number().nullable(),
      restSeconds: z.number().nullable(),
    }),
  ),
});
export type Workout = z.output<typeof workoutSchema>;
export type WorkoutEntry = Workout["entries"][number];
