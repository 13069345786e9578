import { readFileSync } from "node:fs";
import { z } from "zod";

/** Empty variables count as unset: an orchestrator may well pass `REDIS_URL=`. */
const unsetIfEmpty = (value: unknown) => (value === "" ? undefined : value);

const environmentSchema = z.object({
  NODE_ENV: z.string().default("development"),
  PORT: z.coerce.number().int().min(0).max(65535).default(3000),
  DATABASE_URL: z.url({ protocol: /^postgres(ql)?$/ }),
  /** Connections to the database that one process holds at most. */
  DATABASE_POOL: z.coerce.number().int().min(2).max(100).default(10),
  REDIS_URL: z.url({ protocol: /^rediss?$/ }).optional(),
  /** Origins that browsers may call from, separated by commas. */
  WEB_ORIGIN: z.string().default(""),
  SEED_DB: z.stringbool().default(false),
  APP_VERSION: z.string().optional(),
});

export interface Config {
  production: boolean;
  port: number;
  databaseUrl: string;
  databasePool: number;
  redisUrl: string | undefined;
  webOrigins: string[];
  seed: boolean;
  version: string;
}

/** Injection token of the configuration. */
export const CONFIG = Symbol("CONFIG");

function packageVersion(): string {
  const file = new URL("../package.json", import.meta.url);
  return (JSON.parse(readFileSync(file, "utf8")) as { version: string }).version;
}

/**
 * Reads the configuration from environment variables.
 *
 * Throws an Error that names each wrong variable, never its value: a value may hold a password.
 */
export function readConfig(environment: NodeJS.ProcessEnv = process.env): Config {
  const values = Object.fromEntries(
    Object.keys(environmentSchema.shape).map((name) => [name, unsetIfEmpty(environment[name])]),
  );
  const result = environmentSchema.safeParse(values);
  if (!result.success) {
    const causes = result.error.issues.map(
      (issue) =>
        `${String(issue.path[0])} ${values[String(issue.path[0])] === undefined ? "is not set" : "is not valid"}`,
    );
    throw new Error(`Wrong environment: ${causes.join("; ")}`);
  }
  const env = result.data;
  return {
    production: env.NODE_ENV === "production",
    port: env.PORT,
    databaseUrl: env.DATABASE_URL,
    databasePool: env.DATABASE_POOL,
    redisUrl: env.REDIS_URL,
    webOrigins: env.WEB_ORIGIN.split(",")
      .map((origin) => origin.trim().replace(/\/$/, ""))
      .filter(Boolean),
    seed: env.SEED_DB,
    version: env.APP_VERSION ?? packageVersion(),
  };
}
