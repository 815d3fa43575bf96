"""The schema of the configuration, as it lies beside this file.

Owns the reading of `config.schema.json` and nothing else: what the schema means is worked out by those who
ask for it. The JSON is the single source for validation, for both syntaxes, for the reference and for what
editors are given.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any, Final

SCHEMA_FILE: Final = Path(__file__).with_name("config.schema.json")


@cache
def config_schema() -> dict[str, Any]:
    """The schema as JSON data, read once (the cache is the one object that all callers share).

    Callers must not change it.
    """
    schema: dict[str, Any] = json.loads(SCHEMA_FILE.read_bytes())
    return schema
