"""Lowering: the last stage, from a resolved configuration to the route table.

Owns the order in which the table's sections are made; each section is a file. It has nothing to say to a
person: a resolved configuration always has a table, and whatever goes wrong here is a bug. What it makes
depends on the configuration alone, so the same configuration gives the same table, byte for byte.
"""

from __future__ import annotations

import os
from collections.abc import Mapping

from gwc.schema.table import NOTHING, Alternative, ListenerRecord, RouteTable
from gwc.schema.template import Parameter, PathTemplate, parse_template

from ..resolve import resolved
from ..source import SourceFile
from .actions import Actions
from .hosts import Indexes
from .leaves import Leaves
from .notes import lower_notes
from .paths import Layers
from .predicates import Conditions, Lowered

__all__ = ["lower"]


def lower(
    config: resolved.ResolvedConfig,
    sources: Mapping[str, SourceFile],
    root: str | os.PathLike[str] = "",
) -> RouteTable:
    """The route table of a configuration.

    `sources` are the files by the path that spans show; `root` is the main file's directory, to which the
    notes' paths are relative.
    """
    actions = Actions(config.upstreams)
    routes = tuple(map(actions.route, config.routes))
    conditions = Conditions()
    lowered = [conditions.lower(each.conditions) for each in config.alternatives]
    alternatives = tuple(
        _alternative(each, found, conditions)
        for each, found in zip(config.alternatives, lowered, strict=True)
    )
    leaves = Leaves(conditions, [found.condition for found in lowered])
    layers = Layers([each.path for each in config.alternatives], conditions, leaves)
    indexes = Indexes([each.host for each in config.alternatives], conditions, layers)
    listeners = tuple(
        _listener(listener, indexes.index(_reachable(listener.settings.name, alternatives)))
        for listener in config.listeners
    )
    table = RouteTable(
        listeners=listeners,
        upstreams=actions.upstreams,
        rules=tuple(actions.rules),
        splits=actions.splits.records,
        redirects=actions.redirects.records,
        responds=actions.responds.records,
        static_files=actions.static_files.records,
        routes=routes,
        settings_of_routes=actions.settings.records,
        gateway=(config.gateway,),
        programs=conditions.programs.records,
        networks=conditions.networks.records,
        blocks=conditions.blocks.records,
        conditions=conditions.conditions.records,
        alternatives=alternatives,
        switches=tuple(leaves.switches),
        nodes=tuple(layers.nodes),
        shapes=tuple(layers.shapes),
        path_groups=tuple(layers.groups),
        layers=tuple(layers.layers),
        host_groups=tuple(indexes.groups),
        indexes=tuple(indexes.indexes),
    )
    written = [found.written for found in lowered]
    table.cache.make_notes = lambda: lower_notes(config, written, sources, os.fspath(root) or ".")
    return table


def _alternative(each: resolved.Alternative, lowered: Lowered, conditions: Conditions) -> Alternative:
    host, path = each.host, each.path
    captures: tuple[tuple[str, int], ...] = ()
    host_program = path_program = NOTHING
    if host is not None and host.kind == "regex":
        host_program, _ = conditions.program(host.text)
    if path is not None and path.kind == "template":
        captures = _captures(path.text)
    elif path is not None and path.kind == "regex":
        path_program, choice = conditions.program(path.text)
        captures = tuple((name, 0) for name in choice.groups)
    return Alternative(
        each.route,
        each.match,
        each.id,
        None if host is None else (host.kind, host.text),
        None if path is None else (path.kind, path.text),
        lowered.condition,
        lowered.listeners,
        captures,
        host_program,
        path_program,
    )


def _captures(text: str) -> tuple[tuple[str, int], ...]:
    """The parameters of a template with the numbers of their segments, the rest's negative."""
    template = parse_template(text)
    assert isinstance(template, PathTemplate), f"resolving let a template pass: {text!r}"
    return tuple(
        (segment.name, -number if segment.rest else number)
        for number, segment in enumerate(template.segments, 1)
        if isinstance(segment, Parameter)
    )


def _reachable(listener: str, alternatives: tuple[Alternative, ...]) -> tuple[int, ...]:
    """The ranks of the alternatives that apply to a listener."""
    return tuple(
        [
            rank
            for rank, each in enumerate(alternatives)
            if not each.listeners or all(listener in names for names in each.listeners)
        ]
    )


def _listener(listener: resolved.Listener, indexed: int) -> ListenerRecord:
    settings = listener.settings
    options = settings.path_options
    return ListenerRecord(
        name=settings.name,
        addresses=settings.addresses,
        hosts=settings.hosts,
        tls=settings.tls,
        public_port=settings.public_port,
        trusted_proxies=tuple(map(str, settings.trusted_proxies)),
        path_options=(options.keep_encoded_slash, options.keep_repeated_slashes, options.reject_changes),
        indexed=indexed,
        proxy_protocol=listener.proxy_protocol,
        limits=settings.limits,
        timeouts=listener.timeouts,
        http2=listener.http2,
        secure=listener.secure,
        redirect_port=listener.redirect_port,
        hsts=listener.hsts,
        private=listener.private,
    )
