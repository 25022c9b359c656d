/*
 * Runs a command and, at the n-th system call that changes something, kills it or makes that call fail.
 *
 *   killat -o REPORT [-c] [-n N [-w parent|self|all | -e ERRNO]] COMMAND...
 *
 * Every process and thread of the command is traced and the calls are counted in one order, which strace cannot do: it
 * counts per thread. With -c those of the command itself are left out, its children's are counted. Without -n the calls are only counted. REPORT gets "COUNT NR": how many were seen, and which one
 * was hit (-1: none). The exit status is the command's, 137 when it was killed. x86_64 only.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/ptrace.h>

#ifndef __x86_64__
#error "killat knows the registers of x86_64 only"
#endif

#define MAX_TRACEES 4096
#define OPTIONS                                                                                                        \
	(PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACECLONE | PTRACE_O_TRACEEXEC)
#define WRITING (O_WRONLY | O_RDWR | O_CREAT | O_TRUNC)

static const int changing[] = {
	SYS_write, SYS_writev, SYS_pwrite64, SYS_sendmsg, SYS_sendto, SYS_connect, SYS_bind, SYS_listen, SYS_socketpair,
	SYS_mkdir, SYS_mkdirat, SYS_mknod, SYS_mknodat, SYS_rename, SYS_renameat, SYS_renameat2, SYS_unlink, SYS_unlinkat,
	SYS_rmdir, SYS_link, SYS_linkat, SYS_symlink, SYS_symlinkat, SYS_chmod, SYS_fchmod, SYS_fchmodat, SYS_chown,
	SYS_fchown, SYS_fchownat, SYS_lchown, SYS_truncate, SYS_ftruncate, SYS_mount, SYS_umount2, SYS_pivot_root,
	SYS_chroot, SYS_chdir, SYS_fchdir, SYS_openat2, SYS_open_tree, SYS_move_mount, SYS_fsopen, SYS_fsconfig, SYS_fsmount,
	SYS_mount_setattr, SYS_setns, SYS_unshare, SYS_clone, SYS_clone3, SYS_fork, SYS_vfork, SYS_execve, SYS_execveat,
	SYS_kill, SYS_tgkill, SYS_pidfd_send_signal, SYS_prctl, SYS_prlimit64, SYS_setrlimit, SYS_setuid, SYS_setgid,
	SYS_setresuid, SYS_setresgid, SYS_setgroups, SYS_capset, SYS_seccomp, SYS_keyctl, SYS_sethostname,
	SYS_setdomainname, SYS_setsid, SYS_umask, SYS_flock, SYS_personality, SYS_memfd_create, SYS_wait4, SYS_waitid,
	SYS_close_range, SYS_dup3, SYS_exit_group,
};

struct tracee {
	pid_t pid;
	int failing;
};

static struct tracee tracees[MAX_TRACEES];
static int tracee_count;
static long seen, hit = -1, wanted;
static int error, children_only;
static const char *who = "parent";

static struct tracee *find(pid_t pid)
{
	for (int i = 0; i < tracee_count; i++)
		if (tracees[i].pid == pid)
			return &tracees[i];
	if (tracee_count == MAX_TRACEES)
		exit(2);
	tracees[tracee_count] = (struct tracee){.pid = pid};
	return &tracees[tracee_count++];
}

static int changes(const struct ptrace_syscall_info *info)
{
	long number = info->entry.nr;

	if (number == SYS_open || number == SYS_openat)
		return (info->entry.args[number == SYS_open ? 1 : 2] & WRITING) != 0;
	for (unsigned i = 0; i < sizeof(changing) / sizeof(*changing); i++)
		if (changing[i] == number)
			return 1;
	return 0;
}

/* Replaces the system call's number, or after the call its result. */
static void set_register(pid_t pid, int result)
{
	struct user_regs_struct registers;

	if (ptrace(PTRACE_GETREGS, pid, 0, &registers) < 0)
		return;
	if (result)
		registers.rax = result;
	else
		registers.orig_rax = -1;
	ptrace(PTRACE_SETREGS, pid, 0, &registers);
}

static void strike(pid_t command, struct tracee *tracee)
{
	if (error) {
		tracee->failing = 1;
		set_register(tracee->pid, 0);
	} else if (!strcmp(who, "parent")) {
		kill(command, SIGKILL);
	} else if (!strcmp(who, "self")) {
		kill(tracee->pid, SIGKILL);
	} else {
		for (int i = 0; i < tracee_count; i++)
			kill(tracees[i].pid, SIGKILL);
	}
}

static void at_system_call(pid_t command, pid_t pid)
{
	struct ptrace_syscall_info info;
	struct tracee *tracee = find(pid);

	if (ptrace(PTRACE_GET_SYSCALL_INFO, pid, sizeof(info), &info) < 0)
		return;
	if (info.op == PTRACE_SYSCALL_INFO_EXIT && tracee->failing) {
		tracee->failing = 0;
		set_register(pid, -error);
	}
	if (info.op != PTRACE_SYSCALL_INFO_ENTRY || !changes(&info) || (children_only && pid == command))
		return;
	if (++seen != wanted)
		return;
	hit = info.entry.nr;
	strike(command, tracee);
}

/* Returns the signal to deliver. */
static int at_stop(pid_t command, pid_t pid, int status)
{
	int number = WSTOPSIG(status);

	find(pid);
	if (number == (SIGTRAP | 0x80))
		at_system_call(command, pid);
	if (status >> 16 || number == (SIGTRAP | 0x80) || number == SIGTRAP)
		return 0;
	return number;
}

static int follow(pid_t command)
{
	for (;;) {
		int status;
		pid_t pid = waitpid(-1, &status, __WALL);

		if (pid < 0)
			return errno == ECHILD ? 0 : 2;
		if (pid == command && WIFEXITED(status))
			return WEXITSTATUS(status);
		if (pid == command && WIFSIGNALED(status))
			return 128 + WTERMSIG(status);
		if (!WIFSTOPPED(status))
			continue;
		if (status >> 16 == PTRACE_EVENT_STOP && WSTOPSIG(status) != SIGTRAP)
			ptrace(PTRACE_LISTEN, pid, 0, 0);
		else
			ptrace(PTRACE_SYSCALL, pid, 0, at_stop(command, pid, status));
	}
}

static pid_t start(char **words)
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		raise(SIGSTOP);
		execvp(words[0], words);
		_exit(127);
	}
	waitpid(pid, &status, WUNTRACED);
	if (ptrace(PTRACE_SEIZE, pid, 0, OPTIONS) < 0)
		exit(2);
	kill(pid, SIGCONT);
	return pid;
}

int main(int argc, char **argv)
{
	const char *report = NULL;
	int option, status;
	FILE *file;

	while ((option = getopt(argc, argv, "+o:n:w:e:c")) != -1) {
		if (option == 'o')
			report = optarg;
		else if (option == 'c')
			children_only = 1;
		else if (option == 'n')
			wanted = atol(optarg);
		else if (option == 'w')
			who = optarg;
		else if (option == 'e')
			error = atoi(optarg);
		else
			return 2;
	}
	if (!report || optind >= argc)
		return 2;
	status = follow(start(argv + optind));
	file = fopen(report, "w");
	if (!file)
		return 2;
	fprintf(file, "%ld %ld\n", seen, hit);
	fclose(file);
	/* What goes on, such as a container that was created, is let go by the kernel now. */
	return status;
}
