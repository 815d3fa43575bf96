"""What a route does with a request, as pure functions: one file for each kind of change or answer.

Owns how an action is worked out. Nothing here sends or receives; `gwc.runtime.decide` puts them together.
"""
