import { describe, expect, it } from "vitest";
import { readConfig } from "./config.js";

const DATABASE_URL = "postgresql://dropit:hunter2@db:5432/dropit";

describe("readConfig", () => {
  it("needs nothing but the database", () => {
    expect(readConfig({ DATABASE_URL })).toEqual({
      production: false,
      port: 3000,
      databaseUrl: DATABASE_URL,
      databasePool: 10,
      redisUrl: undefined,
      webOrigins: [],
      seed: false,
      version: "1.0.0",
    });
  });

  it("takes an empty variable as unset", () => {
    const config = readConfig({ DATABASE_URL, REDIS_URL: "", SEED_DB: "", PORT: "" });
    expect(config).toMatchObject({ redisUrl: undefined, seed: false, port: 3000 });
  });

  it("splits origins and drops their trailing slash", () => {
    const config = readConfig({ DATABASE_URL, WEB_ORIGIN: "http://a.test/, http://b.test" });
    expect(config.webOrigins).toEqual(["http://a.test", "http://b.test"]);
  });

  it("names every wrong variable and no value", () => {
    const read = () => readConfig({ DATABASE_URL: "mysql://dropit:hunter2@db", PORT: "http" });
    expect(read).toThrow("Wrong environment: PORT is not valid; DATABASE_URL is not valid");
    expect(() => readConfig({})).toThrow("Wrong environment: DATABASE_URL is not set");
  });
});
