"""Checkpoint and restore of processes by CRIU: finding it, talking to it, telling it about containers."""

from __future__ import annotations

CONFIG_ANNOTATION = "org.criu.config"
"""The annotation that names a configuration file for CRIU; "" for none at all."""
