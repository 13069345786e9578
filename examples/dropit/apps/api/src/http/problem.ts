import type { Problem } from "@dropit/contract";
import {
  ConnectionException,
  ForeignKeyConstraintViolationException,
  UniqueConstraintViolationException,
} from "@mikro-orm/core";
import { HttpException } from "@nestjs/common";

const titles: Record<number, string> = {
  400: "Bad request",
  404: "Not found",
  409: "Conflict",
  413: "Too large",
  500: "Internal error",
  503: "Not available",
};

/** The answer to any error. Says nothing about errors that were not meant for the client. */
export function toProblem(error: unknown): Problem {
  if (error instanceof HttpException) {
    const body = error.getResponse();
    const errors = typeof body === "object" && "errors" in body ? body.errors : undefined;
    return problem(error.getStatus(), error.message, errors as Problem["errors"]);
  }
  if (error instanceof UniqueConstraintViolationException) {
    return problem(409, "Another one with this value exists already");
  }
  if (error instanceof ForeignKeyConstraintViolationException) {
    return problem(409, "It is still in use, or refers to something that is gone");
  }
  if (isUnreachable(error)) {
    return problem(503, "The database cannot be reached, try again");
  }
  // Errors of Express' own body parser, such as malformed JSON, carry a status to expose.
  if (error instanceof Error && "status" in error && "expose" in error && error.expose === true) {
    return problem(Number(error.status), error.message);
  }
  return problem(500, "Something went wrong");
}

function isUnreachable(error: unknown): boolean {
  if (error instanceof ConnectionException) {
    return true;
  }
  const { code, message } = error as { code?: unknown; message?: unknown };
  return (
    ["ECONNREFUSED", "ENOTFOUND", "EAI_AGAIN", "ECONNRESET", "57P01", "57P03"].includes(
      String(code),
    ) || String(message).includes("timeout exceeded when trying to connect")
  );
}

function problem(status: number, detail: string, errors?: Problem["errors"]): Problem {
  const title = titles[status] ?? (status < 500 ? "Refused" : "Failed");
  return { type: "about:blank", title, status, detail, ...(errors && { errors }) };
}
