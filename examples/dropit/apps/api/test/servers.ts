/**
 * Servers for the integration tests: PostgreSQL and, where it is installed, Redis.
 *
 * `DATABASE_URL` names a server whose user may create databases; without it, one of the Debian
 * package `postgresql` is started in a temporary folder. `REDIS_URL` likewise.
 */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { chownSync, existsSync, globSync, mkdtempSync, rmSync } from "node:fs";
import { createConnection, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { TestProject } from "vitest/node";

declare module "vitest" {
  export interface ProvidedContext {
    databaseServer: string;
    redisUrl: string;
  }
}

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const folder = mkdtempSync(join(tmpdir(), "dropit-test-"));
  const processes: ChildProcess[] = [];
  const stop = async () => {
    for (const server of processes) {
      if (server.exitCode === null) {
        // PostgreSQL takes SIGINT for a fast shutdown: it does not wait for clients.
        server.kill("SIGINT");
        await once(server, "exit");
      }
    }
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    project.provide(
      "databaseServer",
      process.env.DATABASE_URL ?? (await postgres(folder, processes)),
    );
    project.provide("redisUrl", process.env.REDIS_URL ?? (await redis(processes)));
  } catch (error) {
    await stop();
    throw error;
  }
  return stop;
}

async function postgres(folder: string, processes: ChildProcess[]): Promise<string> {
  const bin = globSync("/usr/lib/postgresql/*/bin").sort().at(-1);
  if (!bin) {
    throw new Error("Set DATABASE_URL, or install the package postgresql");
  }
  // PostgreSQL refuses to run as root.
  const user = process.getuid?.() === 0 ? { uid: id("-u"), gid: id("-g") } : {};
  if (user.uid !== undefined) {
    chownSync(folder, user.uid, user.gid);
  }
  const data = join(folder, "data");
  execFileSync(join(bin, "initdb"), ["-D", data, "-U", "dropit", "-A", "trust", "--no-sync"], {
    ...user,
    cwd: folder,
    stdio: ["ignore", "ignore", "inherit"],
  });
  const port = await freePort();
  const settings = ["fsync=off", "listen_addresses=127.0.0.1", `unix_socket_directories=${folder}`];
  processes.push(
    spawn(
      join(bin, "postgres"),
      ["-D", data, "-p", String(port), ...settings.flatMap((setting) => ["-c", setting])],
      { ...user, cwd: folder, stdio: "ignore" },
    ),
  );
  await listening(port);
  return `postgresql://dropit@127.0.0.1:${port}/postgres`;
}

function id(flag: string): number {
  return Number(execFileSync("id", [flag, "postgres"], { encoding: "utf8" }));
}

/** Address of a Redis server, or nothing where there is no program for it. */
async function redis(processes: ChildProcess[]): Promise<string> {
  const program = "/usr/bin/redis-server";
  if (!existsSync(program)) {
    return "";
  }
  const port = await freePort();
  const options = [
    "--port",
    String(port),
    "--bind",
    "127.0.0.1",
    "--save",
    "",
    "--daemonize",
    "no",
  ];
  processes.push(spawn(program, options, { stdio: "ignore", cwd: tmpdir() }));
  await listening(port);
  return `redis://127.0.0.1:${port}`;
}

/** A port that was free a moment ago. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  await once(server, "close");
  if (address === null || typeof address === "string") {
    throw new Error("No port");
  }
  return address.port;
}

async function listening(port: number): Promise<void> {
  const deadline = Date.now() + 20_000;
  while (Date.now() < deadline) {
    const socket = createConnection(port, "127.0.0.1");
    try {
      await once(socket, "connect");
      return;
    } catch {
      await sleep(50);
    } finally {
      socket.destroy();
    }
  }
  throw new Error(`Nothing listens at port ${port}`);
}
