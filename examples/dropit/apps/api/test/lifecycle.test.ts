import { setTimeout as sleep } from "node:timers/promises";
import { MikroORM } from "@mikro-orm/postgresql";
import { afterEach, beforeEach, describe, expect, inject, it, vi } from "vitest";
import { createDatabase, Dropit, execute, run } from "./dropit.js";
import { freePort } from "./servers.js";

let database: Awaited<ReturnType<typeof createDatabase>>;
let env: { DATABASE_URL: string };
let started: Dropit[];

beforeEach(async () => {
  database = await createDatabase();
  env = { DATABASE_URL: database.url };
  started = [];
});

afterEach(async () => {
  await Promise.all(started.map((dropit) => dropit.stop()));
  await database.drop();
});

async function start(more: NodeJS.ProcessEnv = {}): Promise<Dropit> {
  const dropit = await Dropit.start({ ...env, ...more });
  started.push(dropit);
  return dropit;
}

describe("the schema", () => {
  it("is migrated once, even by two at the same time", async () => {
    const both = await Promise.all([run("migrate", env), run("migrate", env)]);
    expect(both.map((result) => result.status)).toEqual([0, 0]);
    const outputs = both.map((result) => result.output);
    expect(outputs.filter((output) => output.includes("Migrated: Migration2026"))).toHaveLength(1);
    expect(outputs.filter((output) => output.includes("is up to date"))).toHaveLength(1);
  });

  it("after all migrations is what the entities say", async () => {
    await run("migrate", env);
    expect((await run("sync", env)).output).toContain("The schema follows the entities");
  });

  it("can be made without migrations", async () => {
    expect((await run("sync", env)).output).toContain('create table "athlete"');
    expect((await run("seed", env)).output).toContain("Seeded");
    expect((await run("seed", env)).output).toContain("nothing was seeded");
  });

  it("makes the migration fail when the database is away, without showing its password", async () => {
    const url = `postgresql://dropit:hunter2@127.0.0.1:${await freePort()}/dropit`;
    const { status, output } = await run("migrate", { DATABASE_URL: url });
    expect(status).toBe(1);
    expect(output).toContain("ECONNREFUSED");
    expect(output).not.toContain("hunter2");
  });
});

describe("SEED_DB", () => {
  it("fills an empty database once, whatever the number of replicas", async () => {
    await run("migrate", env);
    const [first] = await Promise.all([start({ SEED_DB: "true" }), start({ SEED_DB: "true" })]);
    const athletes = await first.request("GET", "/athletes");
    expect(athletes.body.total).toBe(6);
    const workouts = await first.request("GET", "/workouts");
    expect(workouts.body.items[0].entries.length).toBeGreaterThan(0);
  });
});

describe("health and version", () => {
  it("tell what is up", async () => {
    const dropit = await start({ APP_VERSION: "abc123" });
    const { status, body } = await dropit.request("GET", "/health");
    expect(status).toBe(200);
    expect(body).toEqual({ status: "ok", version: "abc123", database: "up", cache: "off" });
    expect((await dropit.request("GET", "/version")).body).toEqual({ version: "abc123" });
  });

  it("is 503 while the database is away, and 200 again after it came back", async () => {
    await run("migrate", env);
    const dropit = await start();
    expect((await dropit.request("GET", "/health")).status).toBe(200);
    await execute(
      inject("databaseServer"),
      `alter database ${name()} with allow_connections false`,
    );
    await execute(
      inject("databaseServer"),
      `select pg_terminate_backend(pid) from pg_stat_activity where datname = '${name()}'`,
    );
    const away = await dropit.request("GET", "/health");
    expect([away.status, away.body.database]).toEqual([503, "down"]);
    await execute(inject("databaseServer"), `alter database ${name()} with allow_connections true`);
    expect((await dropit.request("GET", "/health")).status).toBe(200);
    expect((await dropit.request("GET", "/athletes")).status).toBe(200);
  });

  it("are answered by a process that never reached the database", async () => {
    const url = `postgresql://dropit:hunter2@127.0.0.1:${await freePort()}/dropit`;
    const dropit = await start({ DATABASE_URL: url });
    expect((await dropit.request("GET", "/health")).status).toBe(503);
    expect((await dropit.request("GET", "/athletes")).status).toBe(503);
    expect(dropit.output()).not.toContain("hunter2");
  });

  const name = () => new URL(database.url).pathname.slice(1);
});

describe("the cache", () => {
  it.skipIf(inject("redisUrl") === "")("keeps the exercises until one changes", async () => {
    await run("migrate", env);
    const dropit = await start({ REDIS_URL: inject("redisUrl") });
    await vi.waitFor(async () =>
      expect((await dropit.request("GET", "/health")).body.cache).toBe("up"),
    );
    await dropit.request("POST", "/exercises", { name: "Snatch", category: "snatch" });
    expect((await dropit.request("GET", "/exercises")).body.total).toBe(1);
    await execute(env.DATABASE_URL, "delete from exercise");
    expect((await dropit.request("GET", "/exercises")).body.total).toBe(1);
    await dropit.request("POST", "/exercises", { name: "Clean", category: "pull" });
    expect((await dropit.request("GET", "/exercises")).body.items).toMatchObject([
      { name: "Clean" },
    ]);
  });

  it("makes nothing fail when it is away", async () => {
    await run("migrate", env);
    const dropit = await start({ REDIS_URL: `redis://127.0.0.1:${await freePort()}` });
    const { status, body } = await dropit.request("GET", "/health");
    expect([status, body.cache]).toEqual([200, "down"]);
    expect((await dropit.request("GET", "/exercises")).status).toBe(200);
  });
});

describe("SIGTERM", () => {
  it("lets the request in flight finish, refuses new ones and ends", async () => {
    await run("migrate", env);
    const dropit = await start();
    const orm = await MikroORM.init({
      clientUrl: env.DATABASE_URL,
      entities: [],
      discovery: { warnWhenNoEntities: false },
    });
    try {
      const em = orm.em.fork();
      await em.begin();
      await em.execute("lock table athlete in access exclusive mode");
      const slow = dropit.request("GET", "/athletes");
      await sleep(300);

      dropit.signal("SIGTERM");
      await sleep(300);
      await expect(fetch(`${dropit.url}/version`)).rejects.toThrow();
      await em.rollback();

      expect((await slow).status).toBe(200);
      const finished = Date.now();
      expect(await dropit.ended()).toEqual({ status: null, signal: "SIGTERM" });
      expect(Date.now() - finished).toBeLessThan(1000);
    } finally {
      await orm.close();
    }
  });
});

describe("the environment", () => {
  it("stops the start when it is wrong, and is not shown", async () => {
    const { status, output } = await run("main", { DATABASE_URL: "mysql://dropit:hunter2@db" });
    expect(status).toBe(1);
    expect(output).toContain("DATABASE_URL is not valid");
    expect(output).not.toContain("hunter2");
  });
});
