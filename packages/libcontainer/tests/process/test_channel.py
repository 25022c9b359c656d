"""The messages between the runtime's processes."""

from __future__ import annotations

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libcontainer import log
from libcontainer.errors import ExecutableError, LibcontainerError, ProcessDiedError, SpecError
from libcontainer.process import channel

VALUES = st.dictionaries(
    st.text(min_size=1).filter(lambda name: name not in ("kind", "fds", "self")),
    st.recursive(st.none() | st.booleans() | st.integers() | st.text(), lambda inner: st.lists(inner, max_size=3)),
    max_size=5,
)


@given(VALUES)
def test_values_arrive_as_they_were_sent(values: dict[str, object]) -> None:
    ours, its = channel.pair("main", "init")

    its.send("ready", **values)  # type: ignore[arg-type]  # none is called fds
    message = ours.expect("ready")

    assert message.values == values
    ours.close()
    its.close()


def test_descriptors_arrive_beside_the_message_and_are_not_inherited() -> None:
    ours, its = channel.pair("main", "init")
    reader, writer = os.pipe()

    its.send("console", fds=[writer, reader])
    message = ours.expect("console")

    os.write(message.fds[0], b"through")
    assert os.read(message.fds[1], 10) == b"through"
    assert [os.get_inheritable(fd) for fd in message.fds] == [False, False]
    for fd in (*message.fds, reader, writer):
        os.close(fd)
    ours.close()
    its.close()


def test_messages_arrive_one_by_one_and_in_order() -> None:
    ours, its = channel.pair("main", "init")

    its.send("one")
    its.send("two", number=2)

    assert ours.expect("one").values == {}
    assert ours.expect("two").number("number") == 2
    ours.close()
    its.close()


def test_an_end_that_closes_is_the_end_of_file() -> None:
    ours, its = channel.pair("main", "init")

    its.close()

    assert ours.receive() is None
    ours.close()


def test_an_end_that_closes_while_a_message_is_expected_has_died() -> None:
    ours, its = channel.pair("main", "init")
    its.close()

    with pytest.raises(ProcessDiedError, match=r"^init ended unexpectedly while ready was awaited$") as caught:
        ours.expect("ready")

    assert caught.value.step == "ready"
    ours.close()


def test_an_end_that_nobody_reads_any_more_has_died() -> None:
    ours, its = channel.pair("main", "init")
    ours.close()

    with pytest.raises(ProcessDiedError, match=r"^main ended before it was told ready$"):
        its.send("ready")
    its.send_error(LibcontainerError("too late"))
    its.send_log(log.ERROR, "too late")
    its.close()


def test_another_message_than_the_expected_one_is_an_error() -> None:
    ours, its = channel.pair("main", "init")
    its.send("ready")

    with pytest.raises(LibcontainerError, match=r"^init sent ready instead of console$"):
        ours.expect("console")
    ours.close()
    its.close()


def test_a_number_that_is_none_is_an_error() -> None:
    ours, its = channel.pair("main", "init")
    its.send("init_forked", pid=True)

    with pytest.raises(LibcontainerError, match=r"^message init_forked: pid is no number$"):
        ours.expect("init_forked").number("pid")
    ours.close()
    its.close()


def test_an_error_is_raised_where_it_is_received() -> None:
    ours, its = channel.pair("main", "init")

    its.send_error(SpecError("process.cwd", "not absolute", hint="begin with /"))

    with pytest.raises(SpecError, match=r"^process\.cwd: not absolute$") as caught:
        ours.receive()
    assert (caught.value.property, caught.value.hint) == ("process.cwd", "begin with /")
    ours.close()
    its.close()


def test_an_error_that_was_the_last_word_is_raised_by_who_sends_to_its_sender() -> None:
    ours, its = channel.pair("main", "init")
    its.send_error(SpecError("root.path", "no such directory"))
    its.close()

    with pytest.raises(SpecError, match=r"^root\.path: no such directory$"):
        ours.send("cgroup_joined")

    ours.close()


def test_an_error_that_was_the_last_word_is_heard_though_its_sender_had_not_listened() -> None:
    ours, its = channel.pair("main", "init")
    ours.send("cgroup_joined")
    its.send_error(SpecError("root.path", "no such directory"))
    its.close()

    with pytest.raises(SpecError, match=r"^root\.path: no such directory$"):
        ours.receive()

    assert ours.receive() is None
    ours.close()


def test_an_error_that_is_too_long_for_a_datagram_loses_its_middle_only() -> None:
    ours, its = channel.pair("main", "init")
    name = f"begin{'x' * 300_000}end"

    its.send_error(ExecutableError(f"exec {name}", 2, object=name))

    with pytest.raises(ExecutableError, match=r"^exec beginx+\[…\]x+end: no such file or directory$") as caught:
        ours.receive()
    assert len(str(caught.value.object)) < 5000
    ours.close()
    its.close()


def test_log_messages_are_written_on_the_way_to_the_next_message() -> None:
    seen: list[tuple[int, str]] = []
    log.set_sink(lambda level, text: seen.append((level, text)), log.DEBUG)
    ours, its = channel.pair("main", "init")

    its.send_log(log.INFO, "mount /proc")
    its.send_log(log.DEBUG, "y" * 300_000)
    its.send("ready")
    message = ours.receive()
    log.set_sink(None)

    assert message is not None
    assert message.kind == "ready"
    assert [level for level, _ in seen] == [log.INFO, log.DEBUG]
    assert seen[0][1] == "mount /proc"
    ours.close()
    its.close()


def test_a_channel_can_be_made_of_an_inherited_descriptor() -> None:
    ours, its = channel.pair("main", "init")
    copy = channel.of_descriptor(os.dup(its.fileno()), "main")

    copy.send("ready")

    assert ours.expect("ready").kind == "ready"
    for end in (ours, its, copy):
        end.close()
