import { afterEach, expect, it, vi } from "vitest";
import { ApiError, request } from "./api";

afterEach(() => vi.unstubAllGlobals());

const answer = (status: number, body: string) =>
  vi.stubGlobal("fetch", () => Promise.resolve(new Response(body, { status })));

it("names the fields that the API refused", async () => {
  const errors = [{ path: "email", message: "Invalid" }];
  answer(
    400,
    JSON.stringify({ type: "about:blank", title: "", status: 400, detail: "No", errors }),
  );
  const error = await request("POST", "/athletes", {}).catch((caught: unknown) => caught);
  expect(error).toBeInstanceOf(ApiError);
  expect(error).toMatchObject({ status: 400, message: "No", fields: { email: "Invalid" } });
});

it("copes with an answer of a proxy in between", async () => {
  answer(502, "<h1>Bad gateway</h1>");
  await expect(request("GET", "/athletes")).rejects.toThrow("The server answered 502.");
});

it("says that nobody answered", async () => {
  vi.stubGlobal("fetch", () => Promise.reject(new TypeError("fetch failed")));
  await expect(request("GET", "/athletes")).rejects.toMatchObject({ status: 0 });
});
