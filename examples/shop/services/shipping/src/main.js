// The shipping service says what it costs to send a cart's goods.
import { parseArgs } from "node:util";
import { server } from "./server.js";

const { values } = parseArgs({ options: { addr: { type: "string", default: `:${process.env.PORT ?? 8085}` } } });
const [host, port] = split(values.addr);

const logger = {
  base: { service: "shipping" },
  timestamp: () => `,"time":"${new Date().toISOString()}"`,
  formatters: { level: (/** @type {string} */ label) => ({ level: label.toUpperCase() }) },
  stream: process.stderr,
};
const app = server({ logger });

for (const signal of ["SIGINT", "SIGTERM"]) {
  process.once(signal, async () => {
    await app.close();
    app.log.info("stopped");
  });
}
await app.listen({ host, port, listenTextResolver: () => "ready" });
const bound = /** @type {import("node:net").AddressInfo} */ (app.server.address());
app.log.info({ addr: `${bound.address}:${bound.port}` }, "listening");

/**
 * Splits host:port; without a host, all addresses.
 *
 * @param {string} addr
 * @returns {[string, number]}
 */
function split(addr) {
  const colon = addr.lastIndexOf(":");
  return [addr.slice(0, colon) || "0.0.0.0", Number(addr.slice(colon + 1))];
}
