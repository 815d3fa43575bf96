"""What a gateway is run with: the words of the command line, and the parts that only `gwc run` knows.

Knows nothing of how it is run; `supervisor.py` does that.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol

from gwc.schema.table import GatewayRecord, RouteTable

from .channel import Body
from .fleet import Equipping
from .swap import COMMIT_S, PREPARE_S

if TYPE_CHECKING:
    from .reloads import Reload
    from .supervisor import Supervisor

WORKER_COMMAND: Final = (sys.executable, "-m", "gwc.runtime.control.worker")


class OwnListening(Protocol):
    """What the supervisor itself serves: `own_listeners.Own`."""

    @property
    def addresses(self) -> frozenset[str]:
        """Its addresses, as `Sockets` has them."""

    async def open(self) -> None:
        """Listen, before the first request is served. `StartFailed` where it cannot."""

    async def follow(self) -> None:
        """Another table is served."""

    async def close(self) -> None:
        """Listen no more."""


class Probing(Protocol):
    """Who probes targets: `probes.Probes`."""

    @property
    def told(self) -> Body:
        """What a worker is told of targets that are not well."""

    def of(self, upstream: str, address: str) -> dict[str, object] | None:
        """What is known of a target; None where it is not probed."""

    def is_probed(self, upstream: str) -> bool:
        """Whether an upstream asks for probes."""

    async def start(self, upstream: str) -> None:
        """Probe now, and from now on."""

    def cancel(self, upstream: str) -> None:
        """Probe no more, and forget what was found."""

    async def follow(self) -> None:
        """Another table is served."""

    def close(self) -> None:
        """Probe no more."""


@dataclass(frozen=True, slots=True)
class RunSettings:
    """What the command line and the environment say; None: what the table says.

    `root` is the configuration's directory, where relative paths of references begin. `drain_s` in seconds.
    `hints` False: no events, polling alone. `command` starts this gwc anew. `findings` is called with a
    report of the compiler that a person should see, `configure` with the gateway's settings of each table
    that is committed, `fill` fills in what those refer to (SecretsMissing), `counting` called after each
    reload and about once a second. `stamp` changes with the files that a table refers to; `watched` are those
    of which a change is taken up without being asked for. `own` makes what the supervisor itself serves,
    `probes` who probes targets.
    """

    root: Path = Path()
    workers: int | None = None
    admin: str | None = None
    state_dir: str | None = None
    drain_s: float | None = None
    watch: bool | None = None
    hints: bool = True
    poll_s: float = 1.0
    prepare_s: float = PREPARE_S
    commit_s: float = COMMIT_S
    hung_s: float = 5.0
    worker_command: Sequence[str] = WORKER_COMMAND
    command: Sequence[str] = ()
    findings: Callable[[str], None] = lambda text: None
    equipment: Equipping | None = None
    configure: Callable[[GatewayRecord], None] = lambda record: None
    fill: Callable[[GatewayRecord], GatewayRecord] = lambda record: record
    stamp: Callable[[RouteTable], object] = lambda table: None
    watched: Callable[[RouteTable], frozenset[Path]] = lambda table: frozenset()
    reopen_log: Callable[[], None] = lambda: None
    counting: Callable[[Supervisor, Reload | None], None] = lambda supervisor, reload: None
    own: Callable[[Supervisor], OwnListening] | None = None
    probes: Callable[[Supervisor], Probing] | None = None


class StartFailed(Exception):
    """The gateway cannot start; `reason` in one line, `findings` for a person."""

    def __init__(self, reason: str, findings: str = "") -> None:
        super().__init__(reason)
        self.reason, self.findings = reason, findings
