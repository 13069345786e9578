import { z } from "zod";
import { idSchema, text } from "./common.js";

export const exerciseCategories = [
  "snatch",
  "clean_and_jerk",
  "squat",
  "pull",
  "press",
  "accessory",
] as const;
export const exerciseCategorySchema = z.enum(exerciseCategories);
export type ExerciseCategory = z.output<typeof exerciseCategorySchema>;

export const newExerciseSchema = z.strictObject({
  name: text(120),
  category: exerciseCategorySchema,
  description: z.string().trim().max(2000).default(""),
});
export type NewExercise = z.output<typeof newExerciseSchema>;

/** Listed again rather than derived: a partial schema would fill the default of `description` in. */
export const exerciseChangesSchema = z
  .strictObject({
    name: text(120),
    category: exerciseCategorySchema,
    description: z.string().trim().max(2000),
  })
  .partial();
export type ExerciseChanges = z.output<typeof exerciseChangesSchema>;

export const exerciseSchema = z.object({
  id: idSchema,
  name: z.string(),
  category: exerciseCategorySchema,
  description: z.string(),
});
export type Exercise = z.output<typeof exerciseSchema>;
