import Fastify from "fastify";
import { routes } from "../../../api/shop.mjs";
import { quote } from "./quotes.js";

const askQuote = {
  type: "object",
  required: ["total_cents"],
  properties: { total_cents: { type: "integer", minimum: 0 } },
};

/**
 * Returns the service, which does not listen yet.
 *
 * @param {import("fastify").FastifyServerOptions} [options]
 */
export function server(options) {
  const app = Fastify({ ...options, ajv: { customOptions: { coerceTypes: false } } });

  app.get("/healthz", () => ({ service: "shipping", status: "ok" }));

  app.post(routes.quotes, { schema: { body: askQuote } }, (request) => {
    const { total_cents } = /** @type {import("../../../api/shop.mjs").AskQuote} */ (request.body);
    return quote(total_cents);
  });

  app.setErrorHandler((/** @type {import("fastify").FastifyError} */ error, _request, reply) =>
    reply.code(error.statusCode ?? 500).send({ error: error.message }),
  );

  return app;
}
