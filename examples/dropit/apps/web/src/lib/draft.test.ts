import { newWorkoutSchema, type Workout } from "@dropit/contract";
import { expect, it } from "vitest";
import { fromDraft, movedUp, toDraft } from "./draft";

const exercise = {
  id: "6f1c1f0e-8f0e-4c57-9a55-0b1f4c1d2e3f",
  name: "Snatch",
  category: "snatch" as const,
  description: "",
};
const workout: Workout = {
  id: "1f1c1f0e-8f0e-4c57-9a55-0b1f4c1d2e3f",
  title: "Monday",
  notes: "",
  createdAt: "2026-01-01T00:00:00Z",
  entries: [
    { id: "a", exercise, sets: 5, reps: 3, weightKg: 62.5, restSeconds: null },
    { id: "b", exercise, sets: 1, reps: 1, weightKg: null, restSeconds: 90 },
  ],
};

it("comes back from editing as it was", () => {
  expect(newWorkoutSchema.parse(fromDraft(toDraft(workout)))).toEqual({
    title: "Monday",
    notes: "",
    entries: [
      { exerciseId: exercise.id, sets: 5, reps: 3, weightKg: 62.5, restSeconds: null },
      { exerciseId: exercise.id, sets: 1, reps: 1, weightKg: null, restSeconds: 90 },
    ],
  });
});

it("moves a line up", () => {
  expect(movedUp(["a", "b", "c"], 2)).toEqual(["a", "c", "b"]);
  expect(movedUp(["a", "b"], 0)).toEqual(["a", "b"]);
});
