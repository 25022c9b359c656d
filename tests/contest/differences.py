"""Where runc 1.1.5 and crun 1.8.1 deviate from what this suite expects: runtime, test, reason; data only."""

from __future__ import annotations

DIFFERENCES: dict[str, dict[str, str]] = {
    "pyouki": {},
    "runc": {
        "test_exec.py::test_uses_the_config_of_create_not_the_bundles": "reads config.json of the bundle again",
        "test_lifecycle.py::TestKill::test_kill_without_a_pid_namespace_ends_every_process": "since runc 1.2",
    },
    "crun": {
        "test_exec.py::test_default_working_directory_is_the_containers": "starts in /",
        "test_exec.py::test_environment_is_the_containers_and_the_options": "-e replaces the environment",
        "test_exec.py::test_additional_groups": "has no such option",
        "test_exec.py::test_no_new_privileges_of_the_container_is_kept": "exec loses noNewPrivileges",
        "test_exec.py::test_rlimits_are_the_containers": "exec does not set rlimits",
        "test_exec.py::TestFailure::test_stopped_container": "returns 1",
        "test_exec.py::TestFailure::test_paused_container": "returns 1",
        "test_exec.py::TestFailure::test_unknown_container": "names the missing status file",
        "test_lifecycle.py::TestState::test_rootfs_is_absolute": "prints it as in config.json",
        "test_lifecycle.py::TestKill::test_signal_may_be_written_as[term]": "takes upper case only, and sends nothing",
        "test_lifecycle.py::TestKill::test_signal_may_be_written_as[sigterm]": "takes upper case only, and sends nothing",
        "test_lifecycle.py::TestKill::test_unknown_signal_is_refused": "accepts it",
        "test_lifecycle.py::TestKill::test_kill_without_a_pid_namespace_ends_every_process": "only with --all",
        "test_lifecycle.py::TestDelete::test_force_ends_a_running_container[-force]": "no single-dash long options",
        "test_list_ps.py::TestList::test_format_may_be_written_as[options3]": "no single-dash long options",
        "test_list_ps.py::TestList::test_json_entry_has_the_states_properties_and_the_owner": "no ociVersion",
        "test_list_ps.py::TestPs::test_unknown_container": "returns 253",
        "test_pause.py::test_resume_of_a_running_container_is_refused": "accepts it",
        "test_pause.py::test_paused_container_can_be_killed": "does not thaw it",
        "test_pause.py::test_exec_with_ignore_paused_runs_after_resume": "has no such option",
        "test_run.py::test_keep_leaves_the_container_stopped": "has no such option before 1.9",
        "test_run.py::test_detached_run_returns_while_the_program_goes_on[-detach]": "no single-dash long options",
    },
}
