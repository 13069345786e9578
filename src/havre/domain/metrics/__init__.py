"""Figures over time: how they are rolled up, read from counters, drawn and carried on into the future."""
