// What the shop looks like: messages in, HTML out. It knows no browser and no service.
import { formatCents, formatStars } from "@shop/format";
import type { Cart, Line, Order, Product, Quote, Recommendation, Review } from "../../../api/shop.mjs";

export interface Offer {
  product: Product;
  reviews: Review[];
}

export function offersView(offers: Offer[]): string {
  return offers.map(offerView).join("");
}

function offerView({ product, reviews }: Offer): string {
  const last = reviews.at(-1);
  return `<article>
    <h2>${escape(product.name)}</h2>
    <p><span class="price">${formatCents(product.price_cents)}</span>
    <span class="stars">${formatStars(reviews.map((review) => review.stars))}</span></p>
    ${last ? `<blockquote>${escape(last.text)}</blockquote>` : ""}
    ${addButton(product, "Add to cart")}
  </article>`;
}

export function cartView(cart: Cart, quote: Quote, beside: Recommendation[]): string {
  if (cart.lines.length === 0) return emptyCartView();
  return `<h2>Your cart</h2>
    <ul class="lines">${cart.lines.map(lineView).join("")}</ul>
    <p class="total">Total ${formatCents(cart.total_cents + quote.price_cents)}</p>
    <p class="delivery">${escape(quote.text)}</p>
    <button data-checkout>Order</button>
    ${besideView(beside)}`;
}

export function emptyCartView(): string {
  return `<h2>Your cart</h2><p>Nothing yet.</p>`;
}

export function orderView(order: Order): string {
  return `<h2>Thank you</h2><p>Your order has the number ${order.number}.</p>`;
}

export function problemView(problem: unknown): string {
  return `<p class="problem" role="alert">${escape(problem instanceof Error ? problem.message : String(problem))}</p>`;
}

function lineView({ product, quantity }: Line): string {
  return `<li>${quantity} × ${escape(product.name)}, ${formatCents(product.price_cents * quantity)}</li>`;
}

function besideView(beside: Recommendation[]): string {
  if (beside.length === 0) return "";
  const items = beside.map(({ product, text }) => `<li>${addButton(product, escape(product.name))} ${escape(text)}</li>`);
  return `<h3>Goes well with it</h3><ul class="beside">${items.join("")}</ul>`;
}

function addButton(product: Product, label: string): string {
  return `<button data-add="${escape(product.id)}">${label}</button>`;
}

/** Makes text safe inside an element and inside a quoted attribute. */
function escape(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}
