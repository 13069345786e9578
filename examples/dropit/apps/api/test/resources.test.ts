import {
  athleteSchema,
  exerciseSchema,
  trainingSessionSchema,
  workoutSchema,
} from "@dropit/contract";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createDatabase, Dropit, run } from "./dropit.js";

let database: Awaited<ReturnType<typeof createDatabase>>;
let dropit: Dropit;

const NOBODY = "00000000-0000-4000-8000-000000000000";
const ada = {
  firstName: "Ada",
  lastName: "Nilsen",
  email: "ada@example.org",
  birthDate: "1998-02-28",
};

beforeAll(async () => {
  database = await createDatabase();
  await run("migrate", { DATABASE_URL: database.url });
  dropit = await Dropit.start({ DATABASE_URL: database.url, WEB_ORIGIN: "http://dropit.test" });
});

afterAll(async () => {
  await dropit?.stop();
  await database?.drop();
});

async function create(path: string, values: unknown): Promise<string> {
  const { status, body } = await dropit.request("POST", path, values);
  expect(status, JSON.stringify(body)).toBe(201);
  return body.id;
}

describe("athletes", () => {
  it("are created, read, changed and deleted", async () => {
    const id = await create("/athletes", ada);
    const { status, body } = await dropit.request("GET", `/athletes/${id}`);
    expect(status).toBe(200);
    expect(athleteSchema.parse(body)).toMatchObject({ id, ...ada });

    const changed = await dropit.request("PATCH", `/athletes/${id}`, { lastName: "Berg" });
    expect(changed.body).toMatchObject({ ...ada, lastName: "Berg" });

    expect((await dropit.request("DELETE", `/athletes/${id}`)).status).toBe(204);
    expect((await dropit.request("GET", `/athletes/${id}`)).status).toBe(404);
  });

  it("are refused with the names of the wrong fields", async () => {
    const { status, headers, body } = await dropit.request("POST", "/athletes", {
      ...ada,
      email: "ada@",
      role: "admin",
    });
    expect(status).toBe(400);
    expect(headers.get("content-type")).toContain("application/problem+json");
    expect(body.errors.map((error: { path: string }) => error.path).sort()).toEqual(["", "email"]);
  });

  it("have an e-mail address of their own, whatever its case", async () => {
    const id = await create("/athletes", ada);
    const again = await dropit.request("POST", "/athletes", { ...ada, email: "ADA@example.org" });
    expect(again.status).toBe(409);
    await dropit.request("DELETE", `/athletes/${id}`);
  });

  it("are listed by page and found by text", async () => {
    const ids = [];
    for (const name of ["Anders", "Bea", "Cem_"]) {
      const values = { ...ada, lastName: name, email: `${name}@example.org` };
      ids.push(await create("/athletes", values));
    }
    const page = await dropit.request("GET", "/athletes?limit=1&offset=1");
    expect(page.body).toMatchObject({ total: 3, items: [{ lastName: "Bea" }] });
    const found = await dropit.request("GET", "/athletes?search=cem_");
    expect(found.body).toMatchObject({ total: 1, items: [{ lastName: "Cem_" }] });
    expect((await dropit.request("GET", "/athletes?limit=0")).status).toBe(400);
    for (const id of ids) {
      await dropit.request("DELETE", `/athletes/${id}`);
    }
  });
});

describe("workouts", () => {
  it("keep their entries in order, and replace them as a whole", async () => {
    const squat = await create("/exercises", { name: "Back squat", category: "squat" });
    const press = await create("/exercises", { name: "Strict press", category: "press" });
    const line = { sets: 5, reps: 5, weightKg: 102.5, restSeconds: 180 };
    const id = await create("/workouts", {
      title: "Base",
      entries: [
        { ...line, exerciseId: squat },
        { ...line, exerciseId: press, weightKg: null },
      ],
    });

    const { body } = await dropit.request("GET", `/workouts/${id}`);
    const workout = workoutSchema.parse(body);
    expect(workout.entries.map((entry) => [entry.exercise.name, entry.weightKg])).toEqual([
      ["Back squat", 102.5],
      ["Strict press", null],
    ]);

    const changed = await dropit.request("PATCH", `/workouts/${id}`, {
      entries: [
        { ...line, exerciseId: press, reps: 3 },
        { ...line, exerciseId: squat },
        { ...line, exerciseId: press, reps: 1 },
      ],
    });
    expect(changed.body.title).toBe("Base");
    const again = await dropit.request("GET", `/workouts/${id}`);
    expect(workoutSchema.parse(again.body).entries.map((entry) => entry.reps)).toEqual([3, 5, 1]);

    const inUse = await dropit.request("DELETE", `/exercises/${squat}`);
    expect(inUse.status).toBe(409);
    expect((await dropit.request("DELETE", `/workouts/${id}`)).status).toBe(204);
    expect((await dropit.request("DELETE", `/exercises/${squat}`)).status).toBe(204);
  });

  it("name the entry whose exercise does not exist", async () => {
    const entries = [{ exerciseId: NOBODY, sets: 1, reps: 1, weightKg: null, restSeconds: null }];
    const { status, body } = await dropit.request("POST", "/workouts", { title: "Base", entries });
    expect(status).toBe(400);
    expect(body.errors[0].path).toBe("entries.0.exerciseId");
  });
});

describe("exercises", () => {
  it("are listed by name and changed", async () => {
    const id = await create("/exercises", { name: "Zercher squat", category: "squat" });
    const changed = await dropit.request("PATCH", `/exercises/${id}`, { category: "accessory" });
    expect(exerciseSchema.parse(changed.body)).toMatchObject({ category: "accessory" });
    const { body } = await dropit.request("GET", "/exercises");
    expect(body.items.at(-1).id).toBe(id);
    const wrong = await dropit.request("PATCH", `/exercises/${id}`, { category: "yoga" });
    expect(wrong.status).toBe(400);
  });
});

describe("training sessions", () => {
  it("belong to an athlete and go with it", async () => {
    const athleteId = await create("/athletes", ada);
    const workoutId = await create("/workouts", { title: "Heavy singles" });
    const id = await create("/training-sessions", {
      athleteId,
      workoutId,
      scheduledOn: "2030-01-31",
    });

    const done = await dropit.request("PATCH", `/training-sessions/${id}`, { status: "done" });
    expect(trainingSessionSchema.parse(done.body)).toMatchObject({
      scheduledOn: "2030-01-31",
      status: "done",
      workout: { title: "Heavy singles" },
    });
    const mine = await dropit.request("GET", `/training-sessions?athleteId=${athleteId}`);
    expect(mine.body.total).toBe(1);
    const others = await dropit.request("GET", `/training-sessions?athleteId=${NOBODY}`);
    expect(others.body.total).toBe(0);

    expect((await dropit.request("DELETE", `/workouts/${workoutId}`)).status).toBe(409);
    expect((await dropit.request("DELETE", `/athletes/${athleteId}`)).status).toBe(204);
    expect((await dropit.request("GET", `/training-sessions/${id}`)).status).toBe(404);
  });
});

describe("any request", () => {
  it.each([
    ["GET", "/athletes/1", undefined, 400],
    ["GET", `/workouts/${NOBODY}`, undefined, 404],
    ["GET", "/nowhere", undefined, 404],
    ["POST", "/athletes", "{not json", 400],
    ["POST", "/athletes", undefined, 400],
  ])("%s %s that is wrong gets a problem", async (method, path, body, status) => {
    const answer = await dropit.request(method, path, body);
    expect(answer.status).toBe(status);
    expect(answer.headers.get("content-type")).toContain("application/problem+json");
    expect(answer.body).toMatchObject({ status, title: expect.any(String) });
  });

  it("may come from the web's origin, and from no other", async () => {
    const from = async (origin: string) =>
      (await fetch(`${dropit.url}/athletes`, { headers: { origin } })).headers.get(
        "access-control-allow-origin",
      );
    expect(await from("http://dropit.test")).toBe("http://dropit.test");
    expect(await from("http://evil.test")).toBeNull();
  });
});
