import { expect, test } from "vitest";
import { routes } from "../../../api/shop.mjs";
import { server } from "../src/server.js";

/** @param {object} payload */
async function ask(payload) {
  const answer = await server().inject({ method: "POST", url: routes.quotes, payload });
  return { status: answer.statusCode, ...answer.json() };
}

test("a small parcel costs, and says what is missing", async () => {
  const text = "Delivery 4.90 EUR, free for 41.00 EUR more";
  expect(await ask({ total_cents: 900 })).toEqual({ status: 200, price_cents: 490, text });
});

test("a large order is sent for free", async () => {
  expect(await ask({ total_cents: 5000 })).toEqual({ status: 200, price_cents: 0, text: "Free delivery" });
});

test.each([{}, { total_cents: "900" }, { total_cents: -1 }, { total_cents: 0.5 }])("%j is refused", async (payload) => {
  expect(await ask(payload)).toMatchObject({ status: 400, error: expect.stringContaining("total_cents") });
});

test("health", async () => {
  const answer = await server().inject({ url: "/healthz" });
  expect(answer.json()).toEqual({ service: "shipping", status: "ok" });
});
