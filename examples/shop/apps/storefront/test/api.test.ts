import { afterEach, expect, test, vi } from "vitest";
import { routes } from "../../../api/shop.mjs";
import { addItem, path, products } from "../src/api";

afterEach(() => vi.unstubAllGlobals());

/** Lets a service answer, and returns what it was asked. */
function answering(status: number, body: unknown) {
  const asked = vi.fn(async (_url: string, _init: RequestInit) => Response.json(body, { status }));
  vi.stubGlobal("fetch", asked);
  return asked;
}

test("placeholders are filled", () => {
  expect(path(routes.products)).toBe(routes.products);
  expect(path("/products/{id}", "a/b c")).toBe("/products/a%2Fb%20c");
});

test("an item is sent to its cart", async () => {
  const asked = answering(200, { id: "7", lines: [], total_cents: 0 });
  await addItem("7", { product_id: "tea", quantity: 2 });
  const [url, request] = asked.mock.calls[0]!;
  expect([url, request.method, request.body]).toEqual(["/carts/7/items", "POST", '{"product_id":"tea","quantity":2}']);
});

test("a problem is told in the service's words", async () => {
  answering(502, { error: "the catalog is away" });
  await expect(products()).rejects.toThrow("the catalog is away");
});
