"""The directory of compiled filters: what is believed, what is not, what is thrown away."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libcontainer.oci.spec import LinuxSeccomp, LinuxSyscall
from libcontainer.seccomp import cache

if TYPE_CHECKING:
    from pathlib import Path

NAME = "0" * 64


@pytest.fixture
def library(tmp_path: Path) -> Path:
    path = tmp_path / "libseccomp.so.2"
    path.write_bytes(b"library")
    return path


@pytest.fixture
def directory(tmp_path: Path, library: Path) -> Path:
    path = tmp_path / ".cache" / "seccomp"
    assert cache.write(str(path), NAME, b"payload", str(library))
    return path


def test_what_was_written_is_read(directory: Path) -> None:
    assert cache.read(str(directory), NAME) == b"payload"


def test_directories_and_files_are_private(directory: Path) -> None:
    modes = [path.stat().st_mode & 0o777 for path in (directory.parent, directory, directory / NAME)]

    assert modes == [0o700, 0o700, 0o600]
    assert os.listdir(directory) == [NAME]


def test_writing_again_replaces(directory: Path, library: Path) -> None:
    cache.write(str(directory), NAME, b"other", str(library))

    assert cache.read(str(directory), NAME) == b"other"


def test_unknown_name_is_a_miss(directory: Path) -> None:
    assert cache.read(str(directory), "1" * 64) is None


def test_absent_directory_is_a_miss(tmp_path: Path) -> None:
    assert cache.read(str(tmp_path / "absent"), NAME) is None


def test_updated_library_makes_the_entry_stale(directory: Path, library: Path) -> None:
    library.write_bytes(b"library, next version")

    assert cache.read(str(directory), NAME) is None


def test_removed_library_makes_the_entry_stale(directory: Path, library: Path) -> None:
    library.unlink()

    assert cache.read(str(directory), NAME) is None


def test_replaced_library_of_the_same_size_and_time_makes_the_entry_stale(directory: Path, library: Path) -> None:
    status = library.stat()
    replacement = library.with_suffix(".new")
    replacement.write_bytes(b"LIBRARY")
    os.utime(replacement, ns=(status.st_atime_ns, status.st_mtime_ns))
    replacement.rename(library)

    assert cache.read(str(directory), NAME) is None


@given(data=st.binary(max_size=200))
def test_garbage_is_a_miss(data: bytes) -> None:
    assert cache._verify(data) is None


@given(st.data())
def test_one_changed_byte_or_a_cut_is_a_miss(data: st.DataObject) -> None:
    entry = cache._wrap(b"payload", "/")
    at = data.draw(st.integers(0, len(entry) - 1))
    flip = data.draw(st.integers(1, 255))

    assert cache._verify(entry) == b"payload"
    assert cache._verify(entry[:at]) is None
    assert cache._verify(entry[:at] + bytes([entry[at] ^ flip]) + entry[at + 1 :]) is None


@pytest.mark.parametrize("mode", [0o770, 0o702], ids=["group", "others"])
def test_directory_that_others_may_write_is_neither_read_nor_written(directory: Path, library: Path, mode: int) -> None:
    directory.chmod(mode)

    assert cache.read(str(directory), NAME) is None
    assert not cache.write(str(directory), NAME, b"other", str(library))


def test_file_that_others_may_write_is_not_read(directory: Path) -> None:
    (directory / NAME).chmod(0o602)

    assert cache.read(str(directory), NAME) is None


def test_symbolic_link_is_not_followed(directory: Path, tmp_path: Path) -> None:
    (directory / NAME).rename(tmp_path / "elsewhere")
    (directory / NAME).symlink_to(tmp_path / "elsewhere")

    assert cache.read(str(directory), NAME) is None


def test_fifo_does_not_block(directory: Path) -> None:
    (directory / NAME).unlink()
    os.mkfifo(directory / NAME)

    assert cache.read(str(directory), NAME) is None


def test_linked_directory_is_refused(directory: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(directory)

    assert cache.read(str(tmp_path / "link"), NAME) is None


def test_unwritable_place_is_no_error(tmp_path: Path, library: Path) -> None:
    (tmp_path / "file").write_bytes(b"")

    assert not cache.write(str(tmp_path / "file" / "seccomp"), NAME, b"payload", str(library))


def test_least_recently_used_entries_go(directory: Path, library: Path) -> None:
    for number in range(64):
        cache.write(str(directory), f"{number:064x}"[::-1], b"payload", str(library))
        os.utime(directory / f"{number:064x}"[::-1], ns=(number * 10**9, 0))
    os.utime(directory / f"{0:064x}", ns=(10**12, 0))

    cache.write(str(directory), "f" * 64, b"payload", str(library))

    left = set(os.listdir(directory))
    assert len(left) == 64
    assert {NAME, "f" * 64} <= left
    assert f"{1:064x}"[::-1] not in left


def test_temporary_file_of_a_killed_writer_is_evicted_in_time(directory: Path, library: Path) -> None:
    (directory / ".1-x").write_bytes(b"half")
    os.utime(directory / ".1-x", ns=(0, 0))
    for number in range(1, 65):
        cache.write(str(directory), f"{number:064x}", b"payload", str(library))

    assert ".1-x" not in os.listdir(directory)


@given(
    st.builds(
        LinuxSeccomp,
        default_action=st.sampled_from(["SCMP_ACT_ALLOW", "SCMP_ACT_KILL"]),
        default_errno_ret=st.none() | st.integers(0, 2),
        flags=st.none() | st.just(()) | st.just(("SECCOMP_FILTER_FLAG_LOG",)),
        syscalls=st.lists(
            st.builds(
                LinuxSyscall,
                names=st.lists(st.sampled_from(["a", "b", "a', 'b"]), max_size=2),
                action=st.just("SCMP_ACT_LOG"),
            ),
            max_size=2,
        ),
    ),
    st.data(),
)
def test_keys_are_equal_for_equal_sections_only(section: LinuxSeccomp, data: st.DataObject) -> None:
    other = section.replace(flags=data.draw(st.sampled_from([None, (), ("SECCOMP_FILTER_FLAG_LOG",)])))

    assert (cache.key(section) == cache.key(other)) == (section == other)
    assert len(cache.key(section)) == 64
