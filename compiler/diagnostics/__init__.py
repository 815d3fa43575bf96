"""What gwc does with diagnostics once somebody has made them.

    catalogue  the page of each code
    nearest    "did you mean"
    allow      comments in a configuration that silence a finding
    comments   where such comments stand in a text
    verdict    how bad the findings are together, and the exit code that follows
    render/    one format a file: text for people, JSON, GitHub's workflow commands

The diagnostic itself is `gwc.schema.diagnostic`; whoever finds a mistake makes it there. Nothing is imported
here, so that a caller pays for what it asks for.
"""
