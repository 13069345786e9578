import { defineEntity, p } from "@mikro-orm/core";

const AthleteSchema = defineEntity({
  name: "Athlete",
  tableName: "athlete",
  properties: {
    id: p.uuid().primary().defaultRaw("gen_random_uuid()"),
    firstName: p.string().length(80),
    lastName: p.string().length(80),
    email: p.string().length(254).unique(),
    birthDate: p.date(),
    createdAt: p.datetime().defaultRaw("now()"),
  },
});

/** A person who trains. All of it is personal data. */
export class Athlete extends AthleteSchema.class {}
AthleteSchema.setClass(Athlete);
