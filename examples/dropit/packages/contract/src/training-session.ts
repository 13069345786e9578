import { z } from "zod";
import { dateSchema, idSchema, listQuerySchema } from "./common.js";

export const sessionStatuses = ["planned", "done", "skipped"] as const;
export const sessionStatusSchema = z.enum(sessionStatuses);
export type SessionStatus = z.output<typeof sessionStatusSchema>;

const notes = z.string().trim().max(4000);

/** A workout that one athlete does on one day. */
export const newTrainingSessionSchema = z.strictObject({
  athleteId: idSchema,
  workoutId: idSchema,
  scheduledOn: dateSchema,
  status: sessionStatusSchema.default("planned"),
  notes: notes.default(""),
});
export type NewTrainingSession = z.output<typeof newTrainingSessionSchema>;

/** The athlete of a session cannot be changed: delete the session and plan another. */
export const trainingSessionChangesSchema = z
  .strictObject({
    workoutId: idSchema,
    scheduledOn: dateSchema,
    status: sessionStatusSchema,
    notes,
  })
  .partial();
export type TrainingSessionChanges = z.output<typeof trainingSessionChangesSchema>;

export const trainingSessionQuerySchema = listQuerySchema.omit({ search: true }).extend({
  athleteId: idSchema.optional(),
});
export type TrainingSessionQuery = z.output<typeof trainingSessionQuerySchema>;

export const trainingSessionSchema = z.object({
  id: idSchema,
  athlete: z.object({ id: idSchema, firstName: z.string(), lastName: z.string() }),
  workout: z.object({ id: idSchema, title: z.string() }),
  scheduledOn: dateSchema,
  status: sessionStatusSchema,
  notes: z.string(),
});
export type TrainingSession = z.output<typeof trainingSessionSchema>;
