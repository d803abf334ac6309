import "./style.css";
import * as api from "./api";
import { cartView, emptyCartView, offersView, orderView, problemView } from "./view";

const products = element("products");
const cart = element("cart");
let cartId: string | undefined;

async function showProducts(): Promise<void> {
  const offers = (await api.products()).map(async (product) => ({
    product,
    reviews: await api.reviews(product.id).catch(() => []), // a shop without reviews still sells
  }));
  products.innerHTML = offersView(await Promise.all(offers));
}

async function add(product: string): Promise<void> {
  cartId ??= (await api.openCart()).id;
  const filled = await api.addItem(cartId, { product_id: product, quantity: 1 });
  const [quote, beside] = await Promise.all([
    api.quote({ total_cents: filled.total_cents }),
    api.recommendations(product).catch(() => []),
  ]);
  cart.innerHTML = cartView(filled, quote, beside);
}

async function order(): Promise<void> {
  if (cartId === undefined) return;
  const placed = await api.checkout(cartId);
  cartId = undefined;
  cart.innerHTML = orderView(placed);
}

document.addEventListener("click", (event) => {
  const button = event.target instanceof Element ? event.target.closest("button") : null;
  if (button?.dataset.add !== undefined) attempt(add(button.dataset.add), cart);
  if (button?.dataset.checkout !== undefined) attempt(order(), cart);
});

cart.innerHTML = emptyCartView();
attempt(showProducts(), products);

function attempt(work: Promise<void>, place: HTMLElement): void {
  work.catch((problem: unknown) => place.insertAdjacentHTML("beforeend", problemView(problem)));
}

function element(id: string): HTMLElement {
  const found = document.getElementById(id);
  if (found === null) throw new Error(`index.html has no element ${id}`);
  return found;
}
