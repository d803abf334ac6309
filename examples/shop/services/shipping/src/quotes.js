import { formatCents } from "@shop/format";

export const FREE_FROM_CENTS = 5000;
export const PARCEL_CENTS = 490;

/**
 * Returns what it costs to send goods worth so many cents.
 *
 * @param {number} totalCents
 * @returns {import("../../../api/shop.mjs").Quote}
 */
export function quote(totalCents) {
  if (totalCents >= FREE_FROM_CENTS) return { price_cents: 0, text: "Free delivery" };
  const missing = formatCents(FREE_FROM_CENTS - totalCents);
  return { price_cents: PARCEL_CENTS, text: `Delivery ${formatCents(PARCEL_CENTS)}, free for ${missing} more` };
}
