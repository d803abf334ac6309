import { defineConfig } from "vite";
import { routesOf } from "../../api/shop.mjs";

// Where each service listens when it is started without an address.
const ports = { cart: 8080, catalog: 8081, recommend: 8083, reviews: 8084, shipping: 8085 };

/** Returns what sends each route of the API to its service, while developing. */
function proxies(): Record<string, string> {
  const entries = Object.entries(routesOf).flatMap(([service, patterns]) =>
    patterns.map((pattern) => [
      `^${pattern.replace(/\{\w+\}/g, "[^/]+")}$`,
      `http://127.0.0.1:${ports[service as keyof typeof ports]}`,
    ]),
  );
  return Object.fromEntries(entries);
}

export default defineConfig({
  server: { proxy: proxies() },
  preview: { proxy: proxies() },
});
