"""Containers that exist: their record on disk, their status, and one module for each thing that is done to them."""
