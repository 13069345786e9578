import { newAthleteSchema } from "@dropit/contract";
import { describe, expect, it } from "vitest";
import { ApiError } from "./api";
import { check, errorsOf, numberOrNull } from "./form";

it("checks by the contract", () => {
  const { data, errors } = check(newAthleteSchema, {
    firstName: "Ada",
    lastName: "",
    email: "ada@",
    birthDate: "",
  });
  expect(data).toBeUndefined();
  expect(errors).toEqual({
    lastName: "Required",
    email: "Not an e-mail address",
    birthDate: "Not a date",
  });
});

describe("errorsOf", () => {
  it("shows a message where no field is named", () => {
    expect(errorsOf(new ApiError({ status: 409, detail: "Exists" }))).toEqual({ "": "Exists" });
  });
  it("shows fields where they are named", () => {
    const errors = [{ path: "email", message: "Invalid" }];
    expect(errorsOf(new ApiError({ status: 400, detail: "No", errors }))).toEqual({
      email: "Invalid",
    });
  });
});

it("reads numbers as people type them", () => {
  expect(["82,5", " 60 ", ""].map(numberOrNull)).toEqual([82.5, 60, null]);
  expect(numberOrNull("heavy")).toBeNaN();
});
