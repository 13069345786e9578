/** The built API as it runs in production: its own process, its own database. */
import { type ChildProcess, spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { MikroORM } from "@mikro-orm/postgresql";
import { inject } from "vitest";
import { freePort } from "./servers.js";

const root = fileURLToPath(new URL("..", import.meta.url));
const START_MILLISECONDS = 15_000;

export interface Answer {
  status: number;
  headers: Headers;
  // biome-ignore lint/suspicious/noExplicitAny: tests look into answers of every shape.
  body: any;
}

/** A new, empty database on the test server, and what it takes to remove it. */
export async function createDatabase(): Promise<{ url: string; drop: () => Promise<void> }> {
  const server = inject("databaseServer");
  const name = `dropit_${randomUUID().replaceAll("-", "")}`;
  await execute(server, `create database ${name}`);
  const url = new URL(server);
  url.pathname = `/${name}`;
  return { url: url.href, drop: () => execute(server, `drop database ${name} with (force)`) };
}

/** Runs SQL on a connection of its own. */
export async function execute(url: string, sql: string): Promise<void> {
  const orm = await MikroORM.init({
    clientUrl: url,
    entities: [],
    discovery: { warnWhenNoEntities: false },
  });
  try {
    await orm.em.execute(sql);
  } finally {
    await orm.close();
  }
}

/** Runs a program of `dist` to its end. */
export async function run(
  script: string,
  env: NodeJS.ProcessEnv,
): Promise<{ status: number | null; output: string }> {
  const child = spawn(process.execPath, [`dist/${script}.js`], { cwd: root, env });
  const output = collect(child);
  await once(child, "close");
  return { status: child.exitCode, output: output() };
}

/** A running API. */
export class Dropit {
  private constructor(
    readonly url: string,
    private readonly child: ChildProcess,
    readonly output: () => string,
  ) {}

  static async start(env: NodeJS.ProcessEnv): Promise<Dropit> {
    const port = await freePort();
    const child = spawn(process.execPath, ["dist/main.js"], {
      cwd: root,
      env: { NODE_ENV: "production", ...env, PORT: String(port) },
    });
    const output = collect(child);
    const deadline = Date.now() + START_MILLISECONDS;
    while (!output().includes("listens at")) {
      if (child.exitCode !== null || Date.now() > deadline) {
        child.kill("SIGKILL");
        throw new Error(`The API did not start:\n${output()}`);
      }
      await sleep(20);
    }
    return new Dropit(`http://127.0.0.1:${port}`, child, output);
  }

  async request(method: string, path: string, body?: unknown): Promise<Answer> {
    const response = await fetch(this.url + path, {
      method,
      headers: { "content-type": "application/json" },
      ...(body !== undefined && { body: typeof body === "string" ? body : JSON.stringify(body) }),
    });
    const text = await response.text();
    return {
      status: response.status,
      headers: response.headers,
      body: text === "" ? undefined : JSON.parse(text),
    };
  }

  signal(signal: NodeJS.Signals): void {
    this.child.kill(signal);
  }

  /** Waits for the end; the signal is null when the process ended by itself. */
  async ended(): Promise<{ status: number | null; signal: NodeJS.Signals | null }> {
    if (this.child.exitCode === null && this.child.signalCode === null) {
      await once(this.child, "exit");
    }
    return { status: this.child.exitCode, signal: this.child.signalCode };
  }

  async stop(): Promise<void> {
    this.signal("SIGTERM");
    await this.ended();
  }
}

function collect(child: ChildProcess): () => string {
  let output = "";
  const add = (chunk: Buffer) => {
    output += chunk.toString();
  };
  child.stdout?.on("data", add);
  child.stderr?.on("data", add);
  return () => output;
}
