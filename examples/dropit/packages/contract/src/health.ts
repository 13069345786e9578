import { z } from "zod";

/** Answer of `GET /health`: status 200 when `status` is `ok`, 503 when it is `error`. */
export const healthSchema = z.object({
  status: z.enum(["ok", "error"]),
  version: z.string(),
  database: z.enum(["up", "down"]),
  /** `off` when no cache is configured. A cache that is down makes nothing fail. */
  cache: z.enum(["up", "down", "off"]),
});
export type Health = z.output<typeof healthSchema>;
