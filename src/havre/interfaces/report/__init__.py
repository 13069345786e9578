"""The continuity report as a page and as a document, in English and in French."""
