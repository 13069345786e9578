import { expect, it } from "vitest";
import { platesPerSide } from "./plates";

it.each([
  [0, []],
  [20, []],
  [52.5, [15, 1]],
  [100, [25, 15]],
  [182.5, [25, 25, 25, 5, 1]],
])("%d kg", (weight, plates) => {
  expect(platesPerSide(weight)).toEqual(plates);
});
