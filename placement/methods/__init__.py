"""How placements are found: one file a method, one signature (`placement.search.Method`)."""
