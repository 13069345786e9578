import type { Page } from "@dropit/contract";
import { ApiError } from "./api";

/** Messages by the path of a field, and one for the form as a whole under the empty path. */
export type FieldErrors = Record<string, string>;

interface Schema<T> {
  safeParse(
    value: unknown,
  ):
    | { success: true; data: T }
    | { success: false; error: { issues: { path: PropertyKey[]; message: string }[] } };
}

/** Checks values by a schema of the contract: either the data or the errors are there. */
export function check<T>(schema: Schema<T>, values: unknown): { data?: T; errors: FieldErrors } {
  const result = schema.safeParse(values);
  if (result.success) {
    return { data: result.data, errors: {} };
  }
  const errors: FieldErrors = {};
  for (const { path, message } of result.error.issues) {
    // The first of several messages about a field says what to mend first.
    errors[path.map(String).join(".")] ??= message;
  }
  return { errors };
}

/** What to show when saving failed. */
export function errorsOf(error: unknown): FieldErrors {
  if (error instanceof ApiError) {
    return Object.keys(error.fields).length > 0 ? error.fields : { "": error.message };
  }
  return { "": "Something went wrong." };
}

/** Number that was typed; null when nothing was, NaN when it is no number. */
export function numberOrNull(text: string): number | null {
  const trimmed = text.trim().replace(",", ".");
  return trimmed === "" ? null : Number(trimmed);
}

export const emptyPage: Page<never> = { items: [], total: 0 };
