import { type ArgumentsHost, Catch, type ExceptionFilter, Logger } from "@nestjs/common";
import type { Response } from "express";
import { toProblem } from "./problem.js";

/** Answers every error as `application/problem+json` and logs those that are ours. */
@Catch()
export class ProblemFilter implements ExceptionFilter {
  private readonly logger = new Logger(ProblemFilter.name);

  catch(error: unknown, host: ArgumentsHost): void {
    const problem = toProblem(error);
    if (problem.status === 503) {
      // The cause is outside, and many requests may meet it: one line is enough.
      this.logger.warn(problem.detail);
    } else if (problem.status >= 500) {
      this.logger.error(error instanceof Error ? (error.stack ?? error.message) : String(error));
    }
    const response = host.switchToHttp().getResponse<Response>();
    response.status(problem.status).type("application/problem+json").send(JSON.stringify(problem));
  }
}
