"""PostgreSQL's own words: the script of a dump, and what a database says about its tables."""
