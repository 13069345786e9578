import { expect, it } from "vitest";
import { containing } from "./search.js";

it("looks in every column", () => {
  expect(containing("ada", ["firstName", "email"])).toEqual({
    $or: [{ firstName: { $ilike: "%ada%" } }, { email: { $ilike: "%ada%" } }],
  });
});

it("takes wildcards literally", () => {
  expect(containing("50%_\\", ["notes"])).toEqual({
    $or: [{ notes: { $ilike: "%50\\%\\_\\\\%" } }],
  });
});
