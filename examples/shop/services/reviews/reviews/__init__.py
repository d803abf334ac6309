"""Keeps what customers say of the products."""
