"""Anonymised copies of a database: looking at a dump, and making a copy of it without what is personal."""
