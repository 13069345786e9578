import type { Health } from "@dropit/contract";
import { EntityManager } from "@mikro-orm/postgresql";
import { Controller, Get, Inject, Res } from "@nestjs/common";
import { Cache } from "../cache/cache.js";
import { CONFIG, type Config } from "../config.js";

const DATABASE_MILLISECONDS = 2000;

@Controller()
export class HealthController {
  constructor(
    private readonly em: EntityManager,
    private readonly cache: Cache,
    @Inject(CONFIG) private readonly config: Config,
  ) {}

  /** 200 when requests can be served, 503 when the database does not answer. */
  @Get("health")
  async health(
    @Res({ passthrough: true }) response: { status(code: number): unknown },
  ): Promise<Health> {
    const [database, cache] = await Promise.all([this.database(), this.cache.state()]);
    const status = database === "up" ? "ok" : "error";
    response.status(status === "ok" ? 200 : 503);
    return { status, version: this.config.version, database, cache };
  }

  @Get("version")
  version(): { version: string } {
    return { version: this.config.version };
  }

  private async database(): Promise<Health["database"]> {
    const { promise: late, resolve } = Promise.withResolvers<"down">();
    const timer = setTimeout(resolve, DATABASE_MILLISECONDS, "down");
    const answer = this.em.execute("select 1").then(
      () => "up" as const,
      () => "down" as const,
    );
    return Promise.race([answer, late]).finally(() => clearTimeout(timer));
  }
}
