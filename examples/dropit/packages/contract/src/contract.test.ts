import { describe, expect, it } from "vitest";
import {
  athleteChangesSchema,
  exerciseChangesSchema,
  listQuerySchema,
  newAthleteSchema,
  newWorkoutSchema,
  trainingSessionChangesSchema,
  workoutChangesSchema,
} from "./index.js";

const ada = {
  firstName: " Ada ",
  lastName: "Nilsen",
  email: "Ada.Nilsen@Example.org",
  birthDate: "1998-02-28",
};

describe("athletes", () => {
  it("trims names and lowers the e-mail address", () => {
    expect(newAthleteSchema.parse(ada)).toEqual({
      ...ada,
      firstName: "Ada",
      email: "ada.nilsen@example.org",
    });
  });

  it.each([
    ["an empty name", { firstName: "  " }],
    ["a malformed e-mail address", { email: "ada@" }],
    ["a day that does not exist", { birthDate: "1998-02-30" }],
    ["a birth date to come", { birthDate: "2999-01-01" }],
    ["a birth date too long ago", { birthDate: "1899-12-31" }],
    ["an unknown field", { admin: true }],
  ])("refuses %s", (_, change) => {
    expect(newAthleteSchema.safeParse({ ...ada, ...change }).success).toBe(false);
  });
});

describe("changes", () => {
  it.each([
    athleteChangesSchema,
    exerciseChangesSchema,
    workoutChangesSchema,
    trainingSessionChangesSchema,
  ])("add nothing that was not sent", (schema) => {
    expect(schema.parse({})).toEqual({});
  });
});

describe("workouts", () => {
  const entry = {
    exerciseId: "6f1c1f0e-8f0e-4c57-9a55-0b1f4c1d2e3f",
    sets: 5,
    reps: 3,
    weightKg: 82.5,
    restSeconds: null,
  };

  it("accepts a load in quarters of a kilogram", () => {
    expect(newWorkoutSchema.safeParse({ title: "Monday", entries: [entry] }).success).toBe(true);
  });

  it("names the path of a wrong entry", () => {
    const result = newWorkoutSchema.safeParse({
      title: "Monday",
      entries: [entry, { ...entry, weightKg: 82.3 }],
    });
    expect(result.error?.issues[0]?.path).toEqual(["entries", 1, "weightKg"]);
  });
});

describe("list queries", () => {
  it("reads numbers from the query string and fills defaults in", () => {
    expect(listQuerySchema.parse({ limit: "10" })).toEqual({ limit: 10, offset: 0, search: "" });
  });

  it("refuses to return everything at once", () => {
    expect(listQuerySchema.safeParse({ limit: "100000" }).success).toBe(false);
  });
});
