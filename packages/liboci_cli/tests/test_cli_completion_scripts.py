"""Completion scripts, tried in the shells that are there."""

from __future__ import annotations

import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

from liboci_cli.completion_scripts import completion_script

if TYPE_CHECKING:
    from pathlib import Path

ASK_BASH = """
source "$1"; shift
COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1))
_pyouki
printf '%s\\n' "${COMPREPLY[@]}"
"""


def ask_bash(directory: Path, *words: str) -> list[str]:
    """Return what bash would offer for the last word."""
    (directory / "script").write_text(completion_script("bash"))
    program = directory / "pyouki"
    program.write_text('#!/bin/sh\n[ "$*" = "list --quiet" ] && echo web\n[ "$2" = /r ] && echo other\n:\n')
    program.chmod(0o755)
    (directory / "bundles").mkdir(exist_ok=True)
    answer = subprocess.run(
        ["bash", "--norc", "-c", ASK_BASH, "bash", "./script", str(program), *words],
        cwd=directory,
        check=True,
        capture_output=True,
        text=True,
    )
    assert answer.stderr == ""
    return answer.stdout.split()


@pytest.mark.skipif(shutil.which("bash") is None, reason="bash is not there")
@pytest.mark.parametrize(
    ("words", "offers"),
    [
        (["cre"], ["create"]),
        (["--systemd-c"], ["--systemd-cgroup"]),
        (["create", "--no-p"], ["--no-pivot"]),
        (["create", ""], ["--bundle"]),
        (["create", "--bundle", "bun"], ["bundles"]),
        (["--log-format", ""], ["text", "json"]),
        (["--log-format", "=", "j"], ["json"]),
        (["list", "--format", "=", ""], ["table", "json"]),
        (["list", "--format", "="], ["table", "json"]),
        (["state", "w"], ["web"]),
        (["--root", "/r", "state", "o"], ["other"]),
        (["--root", "=", "/r", "state", "o"], ["other"]),
        (["mounts", "r"], ["remove"]),
        (["help", "pau"], ["pause"]),
    ],
    ids=" ".join,
)
def test_bash_offers_what_fits(tmp_path: Path, words: list[str], offers: list[str]) -> None:
    assert ask_bash(tmp_path, *words)[: len(offers)] == offers


@pytest.mark.skipif(shutil.which("bash") is None, reason="bash is not there")
def test_bash_offers_no_id_for_a_container_to_come(tmp_path: Path) -> None:
    assert ask_bash(tmp_path, "create", "w") == []


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_script_is_right_for_its_shell(shell: str, tmp_path: Path) -> None:
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not there")
    script = tmp_path / "script"
    script.write_text(completion_script(shell))

    subprocess.run([shell, "--no-execute" if shell == "fish" else "-n", str(script)], check=True, capture_output=True)


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_script_names_all_commands_and_options_but_the_hidden_ones(shell: str) -> None:
    script = completion_script(shell, program="my-runtime")

    assert "my-runtime" in script
    for name in ("checkpoint", "tcp-established", "systemd-cgroup"):
        assert name in script
    assert "kernel-memory" not in script


def test_other_shells_are_refused() -> None:
    with pytest.raises(ValueError, match=r"^completion for 'tcsh': choose from bash, zsh, fish$"):
        completion_script("tcsh")
