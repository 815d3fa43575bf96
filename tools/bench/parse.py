"""How fast configurations are parsed: MB/s of each front end beside other parsers of the same syntax.

Prints JSON. `ckdl` (C) and `kdl-py` parse KDL without places; PyYAML's `compose` is what the YAML front end
itself stands on. A parser that is not installed is left out by name.
"""

from __future__ import annotations

import importlib
import json
from collections.abc import Callable

from .measure import ratios, time_calls
from .workload import kdl_head, kdl_routes, make_routes, yaml_text

ROUTES, ROUNDS = 10_000, 5


def main() -> None:
    """Measure and print."""
    routes = make_routes(ROUTES)
    kdl, yaml = kdl_head() + kdl_routes(routes), yaml_text(routes)
    print(
        json.dumps({"benchmark": "parse", "routes": ROUTES, "kdl": _kdl(kdl), "yaml": _yaml(yaml)}, indent=2)
    )


def _kdl(text: str) -> dict[str, object]:
    from gwc.compiler.parse.kdl import parse

    calls: dict[str, Callable[[], object]] = {"gwc": lambda: parse(text, "bench.kdl")}
    missing = []
    for title, module in (("ckdl", "ckdl"), ("kdl-py", "kdl")):
        try:
            parser = importlib.import_module(module)
        except ImportError:
            missing.append(title)
            continue
        calls[title] = lambda parser=parser: parser.parse(text)  # type: ignore[misc]  # a loop's closure
    return _figures(text, calls, "gwc", missing)


def _yaml(text: str) -> dict[str, object]:
    import yaml
    from gwc.compiler.parse.yaml import parse

    return _figures(
        text,
        {
            "gwc": lambda: parse(text, "bench.yaml"),
            "PyYAML compose": lambda: yaml.compose(text, Loader=yaml.CSafeLoader),
        },
        "gwc",
        [],
    )


def _figures(
    text: str, calls: dict[str, Callable[[], object]], own: str, missing: list[str]
) -> dict[str, object]:
    figures = time_calls(calls, ROUNDS)
    size = len(text.encode()) / 1e6
    return {
        "megabytes": round(size, 2),
        "ms": figures,
        "MB/s": {name: round(size / ms * 1000, 2) for name, ms in figures.items()},
        f"{own} = 1 (time)": ratios(figures, own),
        "not installed": missing,
    }


if __name__ == "__main__":
    main()
