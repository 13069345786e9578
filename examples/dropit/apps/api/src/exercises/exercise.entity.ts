import { exerciseCategories } from "@dropit/contract";
import { defineEntity, p } from "@mikro-orm/core";

const ExerciseSchema = defineEntity({
  name: "Exercise",
  tableName: "exercise",
  properties: {
    id: p.uuid().primary().defaultRaw("gen_random_uuid()"),
    name: p.string().length(120).unique(),
    category: p.enum(exerciseCategories),
    description: p.text().default(""),
  },
});

export class Exercise extends ExerciseSchema.class {}
ExerciseSchema.setClass(Exercise);
