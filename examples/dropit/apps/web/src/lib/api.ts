import { type Problem, problemSchema } from "@dropit/contract";

const base = (import.meta.env.VITE_API_URL ?? "http://localhost:3000").replace(/\/$/, "");

/** An answer of the API that is no success, or no answer at all (status 0). */
export class ApiError extends Error {
  readonly status: number;
  readonly fields: Record<string, string>;

  constructor(problem: Pick<Problem, "status" | "detail" | "errors">) {
    super(problem.detail);
    this.status = problem.status;
    this.fields = Object.fromEntries(
      (problem.errors ?? []).map(({ path, message }) => [path, message]),
    );
  }
}

/** Sends a request to the API; throws ApiError for everything but success. */
export async function request<T>(method: string, path: string, body?: unknown): Promise<T> {
  let response: Response;
  try {
    response = await fetch(base + path, {
      method,
      ...(body !== undefined && {
        headers: { "content-type": "application/json" },
        body: JSON.stringify(body),
      }),
    });
  } catch {
    throw new ApiError({ status: 0, detail: "The server cannot be reached. Try again." });
  }
  if (response.status === 204) {
    return undefined as T;
  }
  const answer: unknown = await response.json().catch(() => undefined);
  if (!response.ok) {
    const problem = problemSchema.safeParse(answer);
    throw new ApiError(
      problem.success
        ? problem.data
        : { status: response.status, detail: `The server answered ${response.status}.` },
    );
  }
  return answer as T;
}
