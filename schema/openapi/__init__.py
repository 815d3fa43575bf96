"""Documents that say what requests of an API look like, and whether a request is like that.

`load` reads and compiles one; it takes a while, and is for threads. What it gives is pure and quick.
"""

from .document import DocumentFaulty, load
from .operations import Api, Media, Operation, Problem

__all__ = ["Api", "DocumentFaulty", "Media", "Operation", "Problem", "load"]
