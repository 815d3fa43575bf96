"""`gwc schema`: print the JSON Schema of the configuration."""

from __future__ import annotations

import json
from typing import Literal

import click


@click.command("schema")
@click.option(
    "--draft",
    type=click.Choice(["2020-12", "draft-07"]),
    default="2020-12",
    help="draft-07 is what yaml-language-server reads.",
)
def command(draft: Literal["2020-12", "draft-07"]) -> None:
    """Print the JSON Schema of the configuration, in its YAML and JSON form.

    In an editor with yaml-language-server: `gwc schema --draft draft-07 > gwc.schema.json`, and
    `# yaml-language-server: $schema=gwc.schema.json` as the first line of the file.
    """
    from gwc.compiler.schema_export import export

    click.echo(json.dumps(export(draft), indent=2, ensure_ascii=False))
