import { z } from "zod";

/** Identifier of every resource: a UUID chosen by the database. */
export const idSchema = z.uuid();

/** Calendar date without a time zone, `YYYY-MM-DD`. */
export const dateSchema = z.iso.date("Not a date");

/** Trimmed text of 1 to `max` characters. */
export const text = (max: number) => z.string().trim().min(1, "Required").max(max);

/** Query of a list: how many items at most, how many to skip, and a text to look for. */
export const listQuerySchema = z.strictObject({
  limit: z.coerce.number().int().min(1).max(200).default(50),
  offset: z.coerce.number().int().min(0).default(0),
  search: z.string().trim().max(100).default(""),
});
export type ListQuery = z.output<typeof listQuerySchema>;

/** One page of a list; `total` counts all matching items, not only those of the page. */
export interface Page<T> {
  items: T[];
  total: number;
}
