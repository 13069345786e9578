"""The panel: pages for people, behind accounts with two factors."""
