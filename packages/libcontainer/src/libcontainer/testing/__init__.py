"""Fakes for the tests of this package and of programs that use it; nothing here is imported at run time."""
