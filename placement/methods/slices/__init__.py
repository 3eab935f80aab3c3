"""Large-neighbourhood search over small exact programs, a few nodes each, guided by prices."""
