import { expect, test } from "vitest";
import type { Product } from "../../../api/shop.mjs";
import { cartView, offersView, problemView } from "../src/view";

const tea: Product = { id: "tea", name: "Tea <green>", price_cents: 450 };
const cup: Product = { id: "cup", name: "Cup", price_cents: 1250 };

test("an offer shows price, stars and the newest review", () => {
  const reviews = [4, 5].map((stars) => ({ product_id: "tea", stars, text: `${stars} of 5` }));
  const html = offersView([{ product: tea, reviews }]);
  for (const part of ["4.50 EUR", "★★★★★ (2)", "5 of 5", 'data-add="tea"']) expect(html).toContain(part);
  expect(html).not.toContain("4 of 5");
});

test("names are text, not HTML", () => {
  expect(offersView([{ product: tea, reviews: [] }])).not.toContain("<green>");
  expect(problemView(new Error("<b>"))).not.toContain("<b>");
});

test("the cart adds up lines and delivery", () => {
  const cart = { id: "1", lines: [{ product: tea, quantity: 2 }], total_cents: 900 };
  const html = cartView(cart, { price_cents: 490, text: "Delivery 4.90 EUR" }, [{ product: cup, text: "both for 17.00 EUR" }]);
  for (const part of ["2 × Tea", "9.00 EUR", "Total 13.90 EUR", 'data-add="cup"', "both for 17.00 EUR"]) expect(html).toContain(part);
});
