"""The version of gwc. A test holds it equal to pyproject's."""

from __future__ import annotations

VERSION = "0.1.0"
