/**
 * Returns an amount of money as people read it: 1234 is "12.34 EUR".
 * The npm side of libs/go/money.
 *
 * @param {number} cents
 */
export function formatCents(cents) {
  const sign = cents < 0 ? "-" : "";
  const whole = Math.floor(Math.abs(cents) / 100);
  const rest = String(Math.abs(cents) % 100).padStart(2, "0");
  return `${sign}${whole}.${rest} EUR`;
}

/**
 * Returns the average of some numbers of stars, as stars: [4, 5] is "★★★★★ (2)".
 *
 * @param {readonly number[]} stars
 */
export function formatStars(stars) {
  if (stars.length === 0) return "not rated yet";
  const average = Math.round(stars.reduce((sum, one) => sum + one, 0) / stars.length);
  return `${"★".repeat(average)}${"☆".repeat(5 - average)} (${stars.length})`;
}
