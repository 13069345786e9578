import { Inject, Injectable, Logger, type OnApplicationShutdown } from "@nestjs/common";
import { Redis } from "ioredis";
import { CONFIG, type Config } from "../config.js";

const PREFIX = "dropit:";
const COMMAND_MILLISECONDS = 500;
const RECONNECT_MILLISECONDS = 2000;

/**
 * Keeps answers in Redis when `REDIS_URL` is set, and does nothing when it is not.
 *
 * Nothing fails when Redis does: a value that cannot be read is loaded, one that cannot be
 * removed is gone after its time to live.
 */
@Injectable()
export class Cache implements OnApplicationShutdown {
  private readonly logger = new Logger(Cache.name);
  private readonly redis: Redis | undefined;

  constructor(@Inject(CONFIG) config: Config) {
    if (config.redisUrl) {
      this.redis = new Redis(config.redisUrl, {
        keyPrefix: PREFIX,
        commandTimeout: COMMAND_MILLISECONDS,
        connectTimeout: RECONNECT_MILLISECONDS,
        enableOfflineQueue: false,
        maxRetriesPerRequest: 0,
        retryStrategy: () => RECONNECT_MILLISECONDS,
      });
      this.redis.on("error", (error: Error) => this.logger.warn(`Redis: ${error.message}`));
    }
  }

  /** The value under `key`, or what `load` returns, which is then kept for `seconds`. */
  async remember<T>(key: string, seconds: number, load: () => Promise<T>): Promise<T> {
    const kept = await this.attempt((redis) => redis.get(key));
    if (kept) {
      return JSON.parse(kept) as T;
    }
    const value = await load();
    await this.attempt((redis) => redis.set(key, JSON.stringify(value), "EX", seconds));
    return value;
  }

  async forget(key: string): Promise<void> {
    await this.attempt((redis) => redis.del(key));
  }

  async state(): Promise<"up" | "down" | "off"> {
    if (!this.redis) {
      return "off";
    }
    return (await this.attempt((redis) => redis.ping())) === "PONG" ? "up" : "down";
  }

  onApplicationShutdown(): void {
    this.redis?.disconnect();
  }

  private async attempt<T>(command: (redis: Redis) => Promise<T>): Promise<T | undefined> {
    if (this.redis?.status !== "ready") {
      return undefined;
    }
    try {
      return await command(this.redis);
    } catch (error) {
      this.logger.warn(`Redis: ${error instanceof Error ? error.message : String(error)}`);
      return undefined;
    }
  }
}
