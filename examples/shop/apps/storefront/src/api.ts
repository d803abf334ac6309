// Speaks with the services. Their routes and messages come from api/shop.json.
import { routes } from "../../../api/shop.mjs";
import type { AddItem, AskQuote, Cart, Order, Product, Quote, Recommendation, Review } from "../../../api/shop.mjs";

/** Fills the placeholders of a route, in order: path(routes.product, "tea") is "/products/tea". */
export function path(route: string, ...values: string[]): string {
  let next = 0;
  return route.replace(/\{\w+\}/g, () => encodeURIComponent(values[next++] ?? ""));
}

export const products = () => call<Product[]>("GET", routes.products);
export const reviews = (product: string) => call<Review[]>("GET", path(routes.reviews, product));
export const recommendations = (product: string) => call<Recommendation[]>("GET", path(routes.recommendations, product));
export const openCart = () => call<Cart>("POST", routes.carts);
export const addItem = (cart: string, item: AddItem) => call<Cart>("POST", path(routes.cartItems, cart), item);
export const checkout = (cart: string) => call<Order>("POST", path(routes.cartCheckout, cart));
export const quote = (ask: AskQuote) => call<Quote>("POST", routes.quotes, ask);

async function call<Answer>(method: string, url: string, message?: object): Promise<Answer> {
  const body = message && { body: JSON.stringify(message), headers: { "Content-Type": "application/json" } };
  const response = await fetch(url, { method, ...body });
  const answer: unknown = await response.json().catch(() => ({}));
  if (!response.ok) throw new Error(problem(answer) ?? `${method} ${url}: ${response.status}`);
  return answer as Answer;
}

function problem(answer: unknown): string | undefined {
  const said = answer as { error?: unknown } | null;
  return typeof said?.error === "string" ? said.error : undefined;
}
