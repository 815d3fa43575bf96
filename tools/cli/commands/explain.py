"""`gwc explain`: which route a request takes, what happens to it, and why the others do not."""

from __future__ import annotations

import json
from typing import Any

import click

from ..findings import configuration_options
from ..tables import table_of


@click.command("explain", context_settings={"ignore_unknown_options": False})
@click.option("-c", "--config", default=".", metavar="PATH", help="The configuration, or a built table.")
@click.argument("method")
@click.argument("url")
@click.option("-H", "--header", "headers", multiple=True, metavar="'NAME: VALUE'", help="A header field.")
@click.option("--client-ip", default="127.0.0.1", metavar="A", help="The peer's address (default 127.0.0.1).")
@click.option("--body", type=click.File("rb"), help="The request's body; `-` reads stdin.")
@click.option("--listener", metavar="L", help="The listener whose address the request comes in by.")
@click.option("--sni", metavar="NAME", help="The TLS server name (default: the URL's host).")
@click.option("--candidates", default=10, type=click.IntRange(0, 1000), metavar="N", show_default=True)
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text")
@configuration_options
def command(
    config: str,
    method: str,
    url: str,
    headers: tuple[str, ...],
    client_ip: str,
    body: Any,
    listener: str | None,
    sni: str | None,
    candidates: int,
    form: str,
    syntax: str,
    overlays: tuple[str, ...],
    settings: tuple[str, ...],
) -> None:
    """Say which route takes METHOD URL, what happens to it, and why the others do not.

    METHOD is taken as typed; `get` is not `GET`. Without --listener the request comes in by the only address,
    or, of several, by the one with the URL's port and scheme. Exit code 0 whatever the decision.
    """
    table = table_of(config, syntax, overlays, settings)
    from gwc.runtime.answers import answer

    from ..asking import ask

    asked = ask(table, method, url, headers=headers, client_ip=client_ip, listener=listener, sni=sni)
    shown = answer(table, asked, body.read() if body is not None else None, candidates)
    if form == "json":
        click.echo(json.dumps(shown, indent=2))
    else:
        from ..explaining import explain_text

        click.echo(explain_text(shown), nl=False)
