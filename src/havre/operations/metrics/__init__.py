"""Figures over time: collecting and keeping them."""
