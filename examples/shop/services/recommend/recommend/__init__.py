"""Answers what else to look at beside a product."""
