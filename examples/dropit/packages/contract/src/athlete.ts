import { z } from "zod";
import { dateSchema, idSchema, text } from "./common.js";

const today = () => new Date().toISOString().slice(0, 10);

/** What a client sends to create an athlete. Everything here is personal data. */
export const newAthleteSchema = z.strictObject({
  firstName: text(80),
  lastName: text(80),
  email: z.email("Not an e-mail address").max(254).toLowerCase(),
  birthDate: dateSchema
    .refine((date) => date >= "1900-01-01", "Must be 1900 or later")
    .refine((date) => date <= today(), "Must not be in the future"),
});
export type NewAthlete = z.output<typeof newAthleteSchema>;

/** Any part of an athlete may be changed alone. */
export const athleteChangesSchema = newAthleteSchema.partial();
export type AthleteChanges = z.output<typeof athleteChangesSchema>;

export const athleteSchema = z.object({
  id: idSchema,
  firstName: z.string(),
  lastName: z.string(),
  email: z.string(),
  birthDate: dateSchema,
  createdAt: z.iso.datetime(),
});
export type Athlete = z.output<typeof athleteSchema>;
