"""One instance over many workers: dealt to pieces, solved apart, joined and repaired as a whole."""
