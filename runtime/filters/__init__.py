"""Filters: traffic policies that a route may have, one file each. `build.py` lists them in their order."""
