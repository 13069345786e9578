"""Logs: what a line is, how lines become records, which of a flood are kept, what a search finds."""
