import { describe, expect, it } from "vitest";
import { age, count, day, kilograms } from "./format";

describe("age", () => {
  it.each([
    ["2000-06-15", "2026-06-14", 25],
    ["2000-06-15", "2026-06-15", 26],
    ["2000-02-29", "2026-02-28", 25],
  ])("of %s on %s is %d", (birthDate, now, years) => {
    expect(age(birthDate, now)).toBe(years);
  });
});

it("shows the day that was stored, in every time zone", () => {
  expect(day("2026-01-01")).toBe("1 Jan 2026");
});

it("counts", () => {
  expect([count(1, "set"), count(2, "set"), count(0, "entry", "entries")]).toEqual([
    "1 set",
    "2 sets",
    "0 entries",
  ]);
});

it("shows kilograms", () => {
  expect(kilograms(12_052.5)).toBe("12,052.5 kg");
});
