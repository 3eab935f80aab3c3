"""The analysis of a plan as one page of HTML: sentences, charts and tables, nothing to fetch."""
