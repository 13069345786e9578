import { BadRequestException, NotFoundException } from "@nestjs/common";
import { describe, expect, it } from "vitest";
import { toProblem } from "./problem.js";

describe("toProblem", () => {
  it("keeps the message of an error that is meant for the client", () => {
    expect(toProblem(new NotFoundException("No such athlete"))).toEqual({
      type: "about:blank",
      title: "Not found",
      status: 404,
      detail: "No such athlete",
    });
  });

  it("lists the fields that were refused", () => {
    const errors = [{ path: "email", message: "Invalid" }];
    const error = new BadRequestException({ message: "The request is not valid", errors });
    expect(toProblem(error)).toMatchObject({ status: 400, errors });
  });

  it("tells nothing about an error of its own", () => {
    const problem = toProblem(new Error("password=hunter2"));
    expect(problem.status).toBe(500);
    expect(JSON.stringify(problem)).not.toContain("hunter2");
  });

  it("says that the database is away", () => {
    const error = Object.assign(new Error("connect"), { code: "ECONNREFUSED" });
    expect(toProblem(error).status).toBe(503);
  });
});
