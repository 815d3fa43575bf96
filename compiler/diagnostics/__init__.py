"""What gwc does with diagnostics once somebody has made them.

    catalogue  the page of each code
    nearest    "did you mean"
    allow      comments that silence a finding, and the findings that are left
    directive  what such a comment says
    comments   where such comments stand in a text
    verdict    how bad the findings are together, and the exit code that follows
    render/    one format a file: text for people, JSON, GitHub's workflow commands

The diagnostic itself is `gwc.schema.diagnostic`; whoever finds a mistake makes it there. Nothing is imported
here, so that a caller pays for what it asks for.
"""
