"""What CRIU is told to leave out of the images, and what it is given instead."""

from __future__ import annotations

import pytest

from libcgroups.manager import Hierarchy
from libcontainer.criu import external
from libcontainer.oci.spec import Linux, Mount, Root, Spec

MOUNTINFO = r"""
193 165 254:0 /bundle/rootfs / rw - ext4 /dev/vda rw
194 193 0:48 / /proc rw - proc proc rw
195 193 0:50 / /dev rw - tmpfs tmpfs rw
196 193 254:0 /srv/data /data\040here ro - ext4 /dev/vda rw
197 196 254:9 / /data\040here/below ro - ext4 /dev/vdb rw
198 193 0:60 / /shm rw - tmpfs tmpfs rw
199 193 0:54 / /sys/fs/cgroup ro - tmpfs cgroup rw
200 199 0:29 /web /sys/fs/cgroup/cpu ro - cgroup cgroup rw,cpu
166 194 0:48 /bus /proc/bus ro - proc proc rw
173 194 0:50 /null /proc/keys rw - tmpfs tmpfs rw
174 193 254:0 /bundle/rootfs/inner /outer rw - ext4 /dev/vda rw
""".strip()

MOUNTS = (
    Mount("/proc", type="proc"),
    Mount("/data here", source="/srv/data", options=("rbind", "ro")),
    Mount("/shm", source="/dev/shm", type="bind"),
    Mount("/sys/fs/cgroup", type="cgroup"),
)
SPEC = Spec("1.3.0", Root("rootfs"), mounts=MOUNTS, linux=Linux())


def test_binds_what_is_below_them_and_cgroups_are_left_out_of_the_images() -> None:
    assert external.mounts_to_dump(MOUNTINFO, SPEC) == [
        "/data here",
        "/data here/below",
        "/shm",
        "/sys/fs/cgroup/cpu",
    ]


def test_sources_are_found_for_every_bind_and_cgroup() -> None:
    hierarchies = (Hierarchy(("cpu",), "/sys/fs/cgroup/cpu", "/new", "/sys/fs/cgroup/cpu/new"),)
    host = "1 0 254:0 / / rw - ext4 /dev/vda rw\n2 1 254:9 / /srv/data/below rw - ext4 /dev/vdb rw"

    sources = external.mounts_to_restore(SPEC, "/bundle", hierarchies, host)

    assert sources["/data here"] == "/srv/data"
    assert sources["/data here/below"] == "/srv/data/below"
    assert sources["/sys/fs/cgroup/cpu"] == "/sys/fs/cgroup/cpu/new"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (b'["/dev/null","pipe:[12]","pipe:[12]"]', [("pipe:[12]", 1)]),
        (b'["pipe:[1]","pipe:[2]","/dev/null"]', [("pipe:[1]", 0), ("pipe:[2]", 1)]),
        (b'["/dev/null","file[1b:20]","/dev/pts/0"]', [("ile[1b:20]", 1)]),
    ],
    ids=["one pipe", "two pipes", "file"],
)
def test_descriptors_that_come_from_the_caller_are_passed_on(text: bytes, expected: list[tuple[str, int]]) -> None:
    assert external.inherited_descriptors(text) == expected


@pytest.mark.parametrize("text", [b"{", b"{}", b"[1]"])
def test_list_of_descriptors_that_is_none_is_refused(text: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        external.inherited_descriptors(text)
