"""Membership that perf_event_open(2) can measure by; a controller without files."""

from __future__ import annotations

from libcgroups.v1.controllers import Controller


class PerfEvent(Controller):
    """The perf_event controller."""

    name = "perf_event"
