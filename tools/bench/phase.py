"""What an open-loop client counts in one stretch of a run, and how it is told.

Owns the histogram of latencies and the list of what can go wrong; knows no sockets.
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, field


class Histogram:
    """Counts of durations in buckets 2 % apart, from 10 us; remembers the greatest exactly."""

    def __init__(self) -> None:
        self._counts: dict[int, int] = {}
        self.count = 0
        self.greatest = 0.0

    def add(self, seconds: float) -> None:
        """One duration."""
        bucket = max(0, math.ceil(math.log(max(seconds, 1e-5) / 1e-5) / math.log(1.02)))
        self._counts[bucket] = self._counts.get(bucket, 0) + 1
        self.count += 1
        self.greatest = max(self.greatest, seconds)

    def quantile(self, share: float) -> float:
        """Seconds that this share of the durations did not exceed, at most 2 % too high; 0 where none is."""
        wanted, seen = share * self.count, 0
        for bucket in sorted(self._counts):
            seen += self._counts[bucket]
            if seen >= wanted:
                return min(1e-5 * 1.02**bucket, self.greatest)
        return 0.0

    def told(self) -> dict[str, float]:
        """The figures of a report, in milliseconds."""
        shares = {"p50 ms": 0.5, "p90 ms": 0.9, "p99 ms": 0.99, "p99.9 ms": 0.999}
        figures = {name: round(self.quantile(share) * 1000, 2) for name, share in shares.items()}
        return figures | {"max ms": round(self.greatest * 1000, 2), "replies": self.count}


@dataclass(slots=True)
class Phase:
    """What was seen in one stretch of the run.

    `closed`: kept-alive connections that the gateway closed between two requests without saying so in the
    last reply, `announced` those that it said it would. Of HTTP/2, `http2_closed` are connections and
    `http2_cut` event streams; of gRPC, `calls` are short ones and `calls_cut` those that were to last.
    `longest_silence`: the longest time in which a request was due and no reply came. `why` counts what the
    failures were.
    """

    latency: Histogram = field(default_factory=Histogram)
    lateness: Histogram = field(default_factory=Histogram)
    failed: int = 0
    closed: int = 0
    announced: int = 0
    cut: int = 0
    sockets_cut: int = 0
    http2_requests: int = 0
    http2_failed: int = 0
    http2_closed: int = 0
    http2_cut: int = 0
    calls: int = 0
    calls_failed: int = 0
    calls_cut: int = 0
    mixed: int = 0
    backwards: int = 0
    unexpected: int = 0
    longest_silence: float = 0.0
    longest_event_gap: float = 0.0
    began: float = field(default_factory=time.monotonic)
    why: dict[str, int] = field(default_factory=dict)

    def blame(self, reason: str) -> None:
        """Remember a reason of a failure."""
        self.why[reason] = self.why.get(reason, 0) + 1

    def told(self) -> dict[str, object]:
        """The phase as a report: counts, latency, and how late the client itself was."""
        took = time.monotonic() - self.began
        return {
            "seconds": round(took, 1),
            "requests/s": round(self.latency.count / took, 1),
            "failed": self.failed,
            "closed unannounced": self.closed,
            "closed with notice": self.announced,
            "streams cut": self.cut,
            "WebSockets cut": self.sockets_cut,
            "HTTP/2": {
                "requests": self.http2_requests,
                "failed": self.http2_failed,
                "connections closed": self.http2_closed,
                "streams cut": self.http2_cut,
            },
            "gRPC": {"calls": self.calls, "failed": self.calls_failed, "cut": self.calls_cut},
            "half old half new": self.mixed,
            "generation went back": self.backwards,
            "other status": self.unexpected,
            "latency": self.latency.told(),
            "longest stall, ms": round(self.longest_silence * 1000, 1),
            "longest between events, ms": round(self.longest_event_gap * 1000, 1),
            "the client itself late, p99 ms": round(self.lateness.quantile(0.99) * 1000, 2),
            "the client itself late, max ms": round(self.lateness.greatest * 1000, 2),
            "why": dict(sorted(self.why.items())),
        }
