import { BadRequestException, StandardSchemaValidationPipe } from "@nestjs/common";

/** Checks every body, query and parameter that declares a schema; 400 names the wrong fields. */
export function validationPipe(): StandardSchemaValidationPipe {
  return new StandardSchemaValidationPipe({
    exceptionFactory: (issues) =>
      new BadRequestException({
        message: "The request is not valid",
        errors: issues.map(({ path = [], message }) => ({
          path: path.map((part) => String(typeof part === "object" ? part.key : part)).join("."),
          message,
        })),
      }),
  });
}
