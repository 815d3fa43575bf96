"""Diagnostics as output, one format a file. Each renderer is a function from values to text.

text     for people: source snippets with labelled spans, in colour if asked
json_    for programs: `schema/diagnostics.schema.json`
github   for GitHub's runner: workflow commands

None of them writes anywhere, decides an exit code or changes the order of what it is given.
"""
