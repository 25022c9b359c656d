"""Which test shows that an option has its effect, for every option of liboci_cli's tables; see test_cli_documents.

By command, "" for the options before it, and by the first spelling: a path below ``tests`` and a test in it.
"""

from __future__ import annotations

_GLOBALS = "integration/cli/test_cli_globals.py"
_CREATE = "integration/cli/test_cli_create_and_run.py"
_KILL = "integration/cli/test_cli_kill_and_delete.py"
_EXEC = "integration/cli/test_cli_exec.py"
_REPORTS = "integration/cli/test_cli_reports.py"
_UPDATE = "integration/cli/test_cli_update.py"
_CRIU = "integration/cli/test_cli_criu_options.py"
_LIVE_UPDATE = "integration/commands/test_update.py::test_each_option_reaches_its_file"
_CHECKPOINT = f"{_CRIU}::test_every_option_of_checkpoint_reaches_criu"
_RESTORE = f"{_CRIU}::test_every_option_of_restore_reaches_criu"
_MODES = f"{_CRIU}::test_modes_reach_criu_by_their_numbers"
_AS_CREATE = f"{_CRIU}::test_restore_takes_the_options_of_create"

_OF_CREATE = {
    "--bundle": "contest/test_lifecycle.py::test_bundle_may_be_relative",
    "--config": f"{_CREATE}::test_config_is_read_from_elsewhere",
    "--console-socket": "contest/test_terminal.py::test_output_comes_through_the_master",
    "--pidfd-socket": f"{_CREATE}::test_pidfd_of_init_comes_over_the_socket",
    "--pid-file": "contest/test_lifecycle.py::TestPidFile::test_holds_the_decimal_pid_without_a_newline",
    "--no-pivot": f"{_CREATE}::test_no_pivot_does_without_pivot_root",
    "--no-new-keyring": f"{_CREATE}::test_no_new_keyring_does_without_keyctl",
    "--preserve-fds": "contest/test_passed_descriptors.py::test_preserved_descriptors_arrive_with_their_numbers",
    "--no-subreaper": f"{_CREATE}::test_orphans_of_the_container_are_adopted_unless_told_not_to",
}

TESTS: dict[str, dict[str, str]] = {
    "": {
        "--root": f"{_GLOBALS}::TestRoot::test_is_made_absolute_and_private",
        "--log": f"{_GLOBALS}::TestLog::test_file_gets_the_record_and_stderr_the_text",
        "--log-format": f"{_GLOBALS}::TestLogFormat::test_json_has_the_keys_that_engines_read",
        "--log-level": f"{_GLOBALS}::TestLogLevel::test_decides_what_a_file_gets",
        "--debug": f"{_GLOBALS}::TestLogLevel::test_decides_what_a_file_gets",
        "--systemd-cgroup": f"{_GLOBALS}::TestCgroupManager::test_systemd_is_missed_by_name",
        "--cgroup-manager": f"{_GLOBALS}::TestCgroupManager::test_disabled_stays_in_the_callers",
        "--rootless": f"{_GLOBALS}::TestRootless::test_false_insists_on_them",
        "--systemd-log": f"{_GLOBALS}::TestLog::test_daemon_gets_the_record",
        "--criu": f"{_GLOBALS}::test_criu_is_taken_from_the_path_whatever_the_option_says",
        "--version": f"{_GLOBALS}::test_version_is_what_engines_parse",
    },
    "create": _OF_CREATE,
    "run": {
        **_OF_CREATE,
        "--detach": "contest/test_run.py::test_detached_run_returns_while_the_program_goes_on",
        "--keep": "contest/test_run.py::test_keep_leaves_the_container_stopped",
    },
    "kill": {
        "--all": f"{_KILL}::test_kill_all_reaches_every_process",
        "--regex": f"{_KILL}::test_kill_regex_signals_those_that_match",
    },
    "delete": {
        "--force": "contest/test_lifecycle.py::TestDelete::test_force_ends_a_running_container",
        "--regex": f"{_KILL}::test_delete_regex_deletes_those_that_match",
    },
    "exec": {
        "--process": "contest/test_exec.py::test_process_file_replaces_the_options",
        "--cwd": "contest/test_exec.py::test_cwd",
        "--env": "contest/test_exec.py::test_environment_is_the_containers_and_the_options",
        "--tty": "contest/test_terminal.py::TestForeground::test_exec",
        "--user": "contest/test_exec.py::test_user",
        "--additional-gids": "contest/test_exec.py::test_additional_groups",
        "--cap": f"{_EXEC}::test_several_capabilities_are_added",
        "--no-new-privs": "contest/test_exec.py::test_no_new_privileges_option",
        "--apparmor": f"{_EXEC}::test_apparmor_profile_is_refused_where_nobody_enforces_it",
        "--process-label": f"{_EXEC}::test_process_label_is_refused_where_nobody_enforces_it",
        "--detach": "contest/test_exec.py::test_detached_returns_zero_at_once_and_writes_the_pid",
        "--pid-file": "contest/test_exec.py::test_detached_returns_zero_at_once_and_writes_the_pid",
        "--console-socket": "contest/test_terminal.py::test_detached_exec",
        "--pidfd-socket": f"{_EXEC}::test_pidfd_of_the_process_comes_over_the_socket",
        "--preserve-fds": "contest/test_passed_descriptors.py::test_preserved_descriptors_of_exec",
        "--cgroup": f"{_EXEC}::test_cgroup_is_below_the_containers",
        "--ignore-paused": "contest/test_pause.py::test_exec_with_ignore_paused_runs_after_resume",
    },
    "list": {
        "--format": "contest/test_list_ps.py::TestList::test_format_may_be_written_as",
        "--quiet": f"{_REPORTS}::TestList::test_quiet_wins_over_the_format_as_in_runc",
    },
    "ps": {"--format": "contest/test_list_ps.py::TestPs::test_json_holds_the_hosts_pids"},
    "update": {
        "--resources": (
            "integration/commands/test_update.py::"
            "test_resources_come_from_standard_input_as_containerd_sends_them"
        ),
        "--blkio-weight": f"{_UPDATE}::test_blkio_weight_reaches_its_file_or_is_refused_by_name",
        **dict.fromkeys(
            ("--cpu-period", "--cpu-quota", "--cpu-burst", "--cpu-share", "--cpuset-cpus", "--cpuset-mems", "--memory",
             "--memory-reservation", "--memory-swap", "--pids-limit"),
            _LIVE_UPDATE,
        ),
        "--cpu-rt-period": f"{_UPDATE}::test_realtime_options_reach_their_files_or_are_refused_by_name",
        "--cpu-rt-runtime": f"{_UPDATE}::test_realtime_options_reach_their_files_or_are_refused_by_name",
        "--cpu-idle": f"{_UPDATE}::test_option_reaches_its_file",
        "--kernel-memory": f"{_UPDATE}::test_kernel_memory_is_ignored_with_the_warning_of_runc",
        "--kernel-memory-tcp": f"{_UPDATE}::test_kernel_memory_is_ignored_with_the_warning_of_runc",
        "--l3-cache-schema": f"{_UPDATE}::test_schema_needs_a_resctrl_group",
        "--mem-bw-schema": f"{_UPDATE}::test_schema_needs_a_resctrl_group",
    },
    "events": {
        "--interval": (
            "integration/commands/test_events.py::test_statistics_come_at_intervals_until_the_container_ends"
        ),
        "--stats": "integration/commands/test_events.py::test_statistics_tell_the_limits",
    },
    "spec": {
        "--bundle": "contest/test_spec.py::TestSpec::test_writes_a_config_that_runs",
        "--file": f"{_REPORTS}::TestSpec::test_file_has_another_name",
        "--rootless": "contest/test_spec.py::TestSpec::test_rootless_adds_a_user_namespace",
    },
    "completion": {"--shell": f"{_REPORTS}::TestCompletion::test_script_is_one_of_the_shell"},
    "checkpoint": {
        "--image-path": f"{_CRIU}::test_failure_tells_why_and_where_criu_wrote_more",
        "--work-path": f"{_CRIU}::test_failure_tells_why_and_where_criu_wrote_more",
        **dict.fromkeys(
            ("--parent-path", "--leave-running", "--pre-dump", "--tcp-established", "--ext-unix-sk", "--shell-job",
             "--file-locks", "--tcp-skip-in-flight", "--link-remap", "--lazy-pages", "--empty-ns", "--auto-dedup",
             "--status-fd", "--page-server"),
            _CHECKPOINT,
        ),
        "--manage-cgroups-mode": f"{_CRIU}::test_wrong_option_is_refused_before_criu_is_asked",
        "--network-lock": f"{_CRIU}::test_wrong_option_is_refused_before_criu_is_asked",
    },
    "restore": {
        "--image-path": "integration/commands/test_checkpoint.py::test_directory_without_a_checkpoint_is_named",
        "--work-path": f"{_CRIU}::test_work_path_of_restore_is_where_criu_writes_its_log",
        "--bundle": _RESTORE,
        "--console-socket": (
            "integration/commands/test_checkpoint.py::"
            "test_terminal_of_a_restored_container_comes_over_the_console_socket"
        ),
        **dict.fromkeys(
            ("--tcp-established", "--ext-unix-sk", "--shell-job", "--file-locks", "--tcp-close", "--lazy-pages",
             "--empty-ns", "--auto-dedup", "--lsm-profile", "--lsm-mount-context"),
            _RESTORE,
        ),
        "--manage-cgroups-mode": _MODES,
        "--network-lock": _MODES,
        **dict.fromkeys(("--detach", "--pid-file", "--no-subreaper"), _AS_CREATE),
        "--no-pivot": "integration/commands/test_checkpoint.py::test_restore_on_a_ramdisk_needs_no_pivot",
        "--no-new-keyring": (
            "integration/commands/test_checkpoint.py::test_session_keyring_is_new_unless_told_not_to"
        ),
        "--preserve-fds": f"{_CRIU}::test_restore_refuses_descriptors_that_it_cannot_pass_on",
    },
}  # fmt: skip
"""By command and option, the test."""
