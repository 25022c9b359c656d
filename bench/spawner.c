/*
 * Runs commands for lifecycle.py and reports what each cost; it knows nothing of containers.
 *
 * It is not written in Python for one reason: the kernel counts the memory of the process that calls execve(2) in the
 * peak RSS of what it starts (exec_mmap in fs/exec.c), so a parent of 15 MiB hides children of 3. This one has 0.7.
 *
 * It is a subreaper: a container's init, whose parent is gone, becomes its child and is reaped at once.
 *
 * stdin:  an unsigned int, the length of what follows, then a command's words, each ended by a zero byte; or the
 *         length 0, "wait until no child is left".
 * stdout: for each request one line of numbers: exit status, wall time in ns, then CPU time in us and peak RSS in KiB
 *         of the command with the children it waited for, then the same of the orphans reaped since the last request.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define MAX_BYTES 65536
#define MAX_WORDS 256

static char *const environment[] = {"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", NULL};

struct cost {
	long cpu_us;
	long rss_kib;
};

static long long now_ns(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec * 1000000000LL + time.tv_nsec;
}

static void add(struct cost *cost, const struct rusage *usage)
{
	cost->cpu_us += (usage->ru_utime.tv_sec + usage->ru_stime.tv_sec) * 1000000L;
	cost->cpu_us += usage->ru_utime.tv_usec + usage->ru_stime.tv_usec;
	if (usage->ru_maxrss > cost->rss_kib)
		cost->rss_kib = usage->ru_maxrss;
}

static pid_t start(char **words)
{
	pid_t pid = vfork();

	if (pid == 0) {
		execve(words[0], words, environment);
		_exit(127);
	}
	return pid;
}

/* Reaps every child until wanted has ended, or, for wanted 0, until none is left. */
static int reap(pid_t wanted, struct cost *command, struct cost *orphans)
{
	for (;;) {
		struct rusage usage;
		int status;
		pid_t pid = wait4(-1, &status, 0, &usage);

		if (pid < 0 && errno == ECHILD)
			return 0;
		if (pid > 0)
			add(pid == wanted ? command : orphans, &usage);
		if (pid > 0 && pid == wanted)
			return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
	}
}

static void split(char *bytes, unsigned length, char **words)
{
	unsigned count = 0;

	for (unsigned at = 0; at < length && count < MAX_WORDS - 1; at += strlen(bytes + at) + 1)
		words[count++] = bytes + at;
	words[count] = NULL;
}

int main(void)
{
	static char bytes[MAX_BYTES + 1];
	unsigned length;
	int null = open("/dev/null", O_RDWR);
	FILE *answers = fdopen(fcntl(1, F_DUPFD_CLOEXEC, 3), "w");
	FILE *requests = fdopen(fcntl(0, F_DUPFD_CLOEXEC, 3), "r");

	/* The commands and their containers get /dev/null: a pipe would be kept open by a container. */
	if (null < 0 || !answers || !requests || dup2(null, 0) < 0 || dup2(null, 1) < 0 || close(null) < 0)
		return 1;
	if (prctl(PR_SET_CHILD_SUBREAPER, 1) < 0)
		return 1;
	while (fread(&length, sizeof(length), 1, requests) == 1) {
		struct cost command = {0}, orphans = {0};
		char *words[MAX_WORDS];
		long long began;
		int status;

		if (length > MAX_BYTES || fread(bytes, 1, length, requests) != length)
			return 1;
		split(bytes, length, words);
		began = now_ns();
		status = reap(length ? start(words) : 0, &command, &orphans);
		fprintf(answers, "%d %lld %ld %ld %ld %ld\n", status, now_ns() - began, command.cpu_us, command.rss_kib,
			orphans.cpu_us, orphans.rss_kib);
		fflush(answers);
	}
	return 0;
}
