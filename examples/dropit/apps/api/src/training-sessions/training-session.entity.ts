import { sessionStatuses } from "@dropit/contract";
import { defineEntity, p } from "@mikro-orm/core";
import { Athlete } from "../athletes/athlete.entity.js";
import { Workout } from "../workouts/workout.entity.js";

const TrainingSessionSchema = defineEntity({
  name: "TrainingSession",
  tableName: "training_session",
  // Sessions are listed by athlete, newest first.
  indexes: [{ properties: ["athlete", "scheduledOn"] }],
  properties: {
    id: p.uuid().primary().defaultRaw("gen_random_uuid()"),
    athlete: () => p.manyToOne(Athlete).deleteRule("cascade"),
    workout: () => p.manyToOne(Workout).deleteRule("restrict").index(),
    scheduledOn: p.date(),
    status: p.enum(sessionStatuses).default("planned"),
    notes: p.text().default(""),
  },
});

export class TrainingSession extends TrainingSessionSchema.class {}
TrainingSessionSchema.setClass(TrainingSession);
