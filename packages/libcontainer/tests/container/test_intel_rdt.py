"""Intel RDT on a fake resctrl tree; no machine of ours has a real one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from libcontainer import intel_rdt
from libcontainer.errors import SpecError, SyscallError
from libcontainer.oci.spec import LinuxIntelRdt

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def resctrl(tmp_path: Path) -> Path:
    """A tree as the kernel shows it; groups are prepared, since a fake mkdir fills no directory."""
    (tmp_path / "info/L3").mkdir(parents=True)
    for name, text in (("cbm_mask", "fffff"), ("min_cbm_bits", "1"), ("num_closids", "16")):
        (tmp_path / "info/L3" / name).write_text(text + "\n")
    (tmp_path / "info/MB").mkdir()
    for name, text in (("bandwidth_gran", "10"), ("delay_linear", "1"), ("min_bandwidth", "10"), ("num_closids", "8")):
        (tmp_path / "info/MB" / name).write_text(text + "\n")
    (tmp_path / "info/last_cmd_status").write_text("ok\n")
    fill(tmp_path)
    return tmp_path


def fill(group: Path, schemata: str = "    L3:0=fffff;1=fffff\n    MB:0=100;1=100\n") -> Path:
    group.mkdir(exist_ok=True)
    (group / "schemata").write_text(schemata)
    (group / "tasks").write_text("")
    return group


def test_root_group_is_joined_and_never_removed(resctrl: Path) -> None:
    made = intel_rdt.set_up("web", LinuxIntelRdt(clos_id="/"), 42, mount_point=str(resctrl))

    assert made == ""
    assert (resctrl / "tasks").read_text() == "42"


def test_named_group_that_does_not_exist_is_an_error_without_schemata(resctrl: Path) -> None:
    with pytest.raises(SpecError, match=r"^linux\.intelRdt\.closID: no such class of service: 'gold'$"):
        intel_rdt.set_up("web", LinuxIntelRdt(clos_id="gold"), 42, mount_point=str(resctrl))


def test_existing_group_is_used_without_touching_its_schemata(resctrl: Path) -> None:
    gold = fill(resctrl / "gold", "L3:0=ff\n")

    made = intel_rdt.set_up("web", LinuxIntelRdt(clos_id="gold"), 42, mount_point=str(resctrl))

    assert (made, (gold / "schemata").read_text(), (gold / "tasks").read_text()) == ("", "L3:0=ff\n", "42")


@pytest.mark.parametrize(
    "asked",
    [
        LinuxIntelRdt(clos_id="gold", l3_cache_schema="L3:0=00ff;1=FF"),
        LinuxIntelRdt(clos_id="gold", mem_bw_schema="MB:1=12"),
        LinuxIntelRdt(clos_id="gold", schemata=("L3: 1 = ff", "MB:0=50")),
    ],
    ids=["leading zeros", "rounded up by the kernel", "blanks"],
)
def test_existing_group_with_the_same_schemata_written_otherwise_is_used(resctrl: Path, asked: LinuxIntelRdt) -> None:
    gold = fill(resctrl / "gold", "    L3:0=000ff;1=000ff\n    MB:0= 50;1= 20\n")

    intel_rdt.set_up("web", asked, 42, mount_point=str(resctrl))

    assert (gold / "tasks").read_text() == "42"


def test_existing_group_with_other_schemata_is_an_error(resctrl: Path) -> None:
    gold = fill(resctrl / "gold")

    with pytest.raises(SpecError, match=r"gold exists and has another L3 schema for domain 1 than is asked for$"):
        intel_rdt.set_up(
            "web", LinuxIntelRdt(clos_id="gold", l3_cache_schema="L3:0=fffff;1=f"), 42, mount_point=str(resctrl)
        )

    assert (gold / "tasks").read_text() == ""


def test_failure_after_making_the_group_leaves_nothing(resctrl: Path) -> None:
    # The fake kernel does not put files into the new directory.
    (resctrl / "info/last_cmd_status").write_text("mask out of range\n")

    with pytest.raises(SyscallError, match=r"write .*/web/schemata: no such file or directory$") as caught:
        intel_rdt.set_up("web", LinuxIntelRdt(l3_cache_schema="L3:0=f"), 42, mount_point=str(resctrl))

    assert caught.value.hint == "the kernel says: mask out of range"
    assert not (resctrl / "web").exists()


def test_update_writes_the_lines_in_order_and_takes_bandwidth_from_its_own_option(resctrl: Path) -> None:
    web = fill(resctrl / "web")

    intel_rdt.update("web", LinuxIntelRdt(), "L3:0=f\nMB:0=70", "MB:0=20", mount_point=str(resctrl))

    assert (web / "schemata").read_text().startswith("L3:0=f\nMB:0=20\n")


def test_restore_writes_back_the_resources_that_were_changed(resctrl: Path) -> None:
    web = fill(resctrl / "web")

    written = intel_rdt.update("web", LinuxIntelRdt(), None, "MB:0=20", mount_point=str(resctrl))
    (web / "schemata").write_text("")
    intel_rdt.restore(written)

    assert (web / "schemata").read_text() == "MB:0=100;1=100\n"


def test_update_of_a_container_without_a_group_says_so(resctrl: Path) -> None:
    with pytest.raises(SpecError, match="was created without a resctrl group"):
        intel_rdt.update("web", None, "L3:0=f", None, mount_point=str(resctrl))


def test_statistics_have_runcs_names(resctrl: Path) -> None:
    fill(resctrl / "web", "    L3:0=000ff\n    MB:0= 50\n")
    domain = resctrl / "web/mon_groups/web/mon_data/mon_L3_00"
    domain.mkdir(parents=True)
    for name, value in (("llc_occupancy", "4096"), ("mbm_total_bytes", "2"), ("mbm_local_bytes", "1")):
        (domain / name).write_text(value + "\n")

    told = intel_rdt.statistics("web", LinuxIntelRdt(enable_monitoring=True), mount_point=str(resctrl))

    assert told == {
        "l3_cache_info": {"cbm_mask": "fffff", "min_cbm_bits": 1, "num_closids": 16},
        "l3_cache_schema_root": "L3:0=fffff;1=fffff",
        "l3_cache_schema": "L3:0=000ff",
        "mem_bw_info": {"bandwidth_gran": 10, "delay_linear": 1, "min_bandwidth": 10, "num_closids": 8},
        "mem_bw_schema_root": "MB:0=100;1=100",
        "mem_bw_schema": "MB:0= 50",
        "mbm_stats": [{"mbm_total_bytes": 2, "mbm_local_bytes": 1}],
        "cmt_stats": [{"llc_occupancy": 4096}],
    }


def test_cleaning_up_twice_is_fine(resctrl: Path) -> None:
    (resctrl / "web").mkdir()

    intel_rdt.clean_up(str(resctrl / "web"))
    intel_rdt.clean_up(str(resctrl / "web"))

    assert not (resctrl / "web").exists()
