"""From a good placement and a good bound to the end, for instances of moderate size."""
