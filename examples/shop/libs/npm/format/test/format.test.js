import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { formatCents, formatStars } from "../src/format.js";

const amounts = readFileSync(new URL("../../../money/amounts.tsv", import.meta.url), "utf8");

test.each(amounts.trim().split("\n").map((line) => line.split("\t")))("%s cents print as %s", (cents, want) => {
  expect(formatCents(Number(cents))).toBe(want);
});

test.each([
  [[], "not rated yet"],
  [[5, 4], "★★★★★ (2)"],
  [[1], "★☆☆☆☆ (1)"],
])("the stars %j print as %s", (stars, want) => {
  expect(formatStars(stars)).toBe(want);
});
