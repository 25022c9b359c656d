/*
 * Looks around inside a container: prints what busybox has no applet for.
 *
 *   probe syscall NR [ARG...]   "NR: ok" or "NR: ERRNO NAME"
 *   probe keyring               the description of the session keyring
 *   probe key NAME              whether a user key of that name can be found from here
 *   probe with-key NAME COMMAND... runs COMMAND with a session keyring that holds such a key
 *   probe winsize FD            "ROWS COLUMNS"
 *   probe scheduler             "POLICY NICE PRIORITY"
 *   probe schedattr             "POLICY FLAGS NICE PRIORITY RUNTIME DEADLINE PERIOD", sched_getattr(2)
 *   probe mempolicy             "MODE NODES" as numbers, get_mempolicy(2); MODE has the flags in it
 *   probe ioprio                "CLASS PRIORITY"
 *   probe open FLAGS PATH       "ok" or the error of open(2); FLAGS is r, w or d (read, write, directory)
 *   probe dumpable              PR_GET_DUMPABLE
 *   probe notify TEXT           sends TEXT to the socket of $NOTIFY_SOCKET, as sd_notify(3) does
 *   probe barrier               "ok" when the service manager has dealt with all notifications before
 *   probe spin                  burns CPU until killed
 *   probe bomb                  forks as fast as it can, in every child too
 *   probe eat MIB               touches that much memory, then prints "ate MIB"
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#define KEYCTL_JOIN_SESSION_KEYRING 1
#define KEYCTL_DESCRIBE 6
#define KEYCTL_SEARCH 10
#define SESSION_KEYRING (-3)

static int failed(const char *what)
{
	printf("%s: %d %s\n", what, errno, strerrorname_np(errno));
	return 1;
}

static int call(int count, char **words)
{
	long arguments[6] = {0};

	for (int i = 1; i < count && i < 7; i++)
		arguments[i - 1] = strtol(words[i], NULL, 0);
	if (syscall(strtol(words[0], NULL, 0), arguments[0], arguments[1], arguments[2], arguments[3], arguments[4],
		    arguments[5]) < 0)
		return failed(words[0]);
	printf("%s: ok\n", words[0]);
	return 0;
}

static int keyring(void)
{
	char text[256] = "";

	if (syscall(SYS_keyctl, KEYCTL_DESCRIBE, SESSION_KEYRING, text, sizeof(text) - 1) < 0)
		return failed("describe");
	puts(text);
	return 0;
}

static int key(const char *name)
{
	if (syscall(SYS_keyctl, KEYCTL_SEARCH, SESSION_KEYRING, "user", name, 0) < 0)
		return failed("search");
	puts("found");
	return 0;
}

static int with_key(char **words)
{
	if (syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, NULL) < 0)
		return failed("join");
	if (syscall(SYS_add_key, "user", words[0], "x", 1, SESSION_KEYRING) < 0)
		return failed("add");
	execv(words[1], words + 1);
	return failed(words[1]);
}

static int winsize(int fd)
{
	struct winsize size;

	if (ioctl(fd, TIOCGWINSZ, &size) < 0)
		return failed("TIOCGWINSZ");
	printf("%d %d\n", size.ws_row, size.ws_col);
	return 0;
}

static int scheduler(void)
{
	struct sched_param parameters;

	sched_getparam(0, &parameters);
	printf("%d %d %d\n", sched_getscheduler(0), getpriority(PRIO_PROCESS, 0), parameters.sched_priority);
	return 0;
}

static int schedattr(void)
{
	struct {
		unsigned size, policy;
		unsigned long long flags;
		int nice;
		unsigned priority;
		unsigned long long runtime, deadline, period;
	} attributes = {0};

	if (syscall(SYS_sched_getattr, 0, &attributes, sizeof(attributes), 0) < 0)
		return failed("sched_getattr");
	printf("%u %llu %d %u %llu %llu %llu\n", attributes.policy, attributes.flags, attributes.nice,
	       attributes.priority, attributes.runtime, attributes.deadline, attributes.period);
	return 0;
}

static int mempolicy(void)
{
	unsigned long nodes[16] = {0};
	int mode;

	if (syscall(SYS_get_mempolicy, &mode, nodes, sizeof(nodes) * 8, 0, 0) < 0)
		return failed("get_mempolicy");
	printf("%d %lu\n", mode, nodes[0]);
	return 0;
}

static int ioprio(void)
{
	long value = syscall(SYS_ioprio_get, 1, 0);

	printf("%ld %ld\n", value >> 13, value & 0x1fff);
	return 0;
}

static int try_open(const char *flags, const char *path)
{
	int mode = *flags == 'w' ? O_WRONLY : *flags == 'd' ? O_RDONLY | O_DIRECTORY : O_RDONLY;

	if (open(path, mode | O_NONBLOCK) < 0)
		return failed(path);
	puts("ok");
	return 0;
}

/* Sends a datagram, with a descriptor unless it is negative. */
static int notify(const char *text, int descriptor)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	struct iovec part = {.iov_base = (char *)text, .iov_len = strlen(text)};
	char control[CMSG_SPACE(sizeof(int))] = "";
	struct msghdr message = {.msg_name = &address, .msg_namelen = sizeof(address), .msg_iov = &part, .msg_iovlen = 1};
	const char *path = getenv("NOTIFY_SOCKET");
	int sender = socket(AF_UNIX, SOCK_DGRAM, 0);

	if (!path)
		return puts("no NOTIFY_SOCKET"), 1;
	strncpy(address.sun_path, path, sizeof(address.sun_path) - 1);
	if (descriptor >= 0) {
		message.msg_control = control;
		message.msg_controllen = sizeof(control);
		struct cmsghdr *header = CMSG_FIRSTHDR(&message);

		header->cmsg_level = SOL_SOCKET;
		header->cmsg_type = SCM_RIGHTS;
		header->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(header), &descriptor, sizeof(int));
	}
	return sendmsg(sender, &message, 0) < 0 ? failed(path) : 0;
}

static int barrier(void)
{
	int ends[2];

	if (pipe(ends) < 0 || notify("BARRIER=1", ends[1]))
		return 1;
	close(ends[1]);
	struct pollfd waiting = {.fd = ends[0]};

	puts(poll(&waiting, 1, 5000) == 1 ? "ok" : "timeout");
	return 0;
}

static int eat(long mib)
{
	for (long i = 0; i < mib; i++) {
		char *block = malloc(1 << 20);

		if (!block)
			return failed("malloc");
		memset(block, 1, 1 << 20);
	}
	printf("ate %ld\n", mib);
	return 0;
}

int main(int argc, char **argv)
{
	const char *command = argc > 1 ? argv[1] : "";

	if (!strcmp(command, "syscall") && argc > 2)
		return call(argc - 2, argv + 2);
	if (!strcmp(command, "keyring"))
		return keyring();
	if (!strcmp(command, "key") && argc > 2)
		return key(argv[2]);
	if (!strcmp(command, "with-key") && argc > 3)
		return with_key(argv + 2);
	if (!strcmp(command, "winsize") && argc > 2)
		return winsize(atoi(argv[2]));
	if (!strcmp(command, "scheduler"))
		return scheduler();
	if (!strcmp(command, "schedattr"))
		return schedattr();
	if (!strcmp(command, "mempolicy"))
		return mempolicy();
	if (!strcmp(command, "ioprio"))
		return ioprio();
	if (!strcmp(command, "open") && argc > 3)
		return try_open(argv[2], argv[3]);
	if (!strcmp(command, "dumpable"))
		return printf("%d\n", prctl(PR_GET_DUMPABLE)) < 0;
	if (!strcmp(command, "eat") && argc > 2)
		return eat(atol(argv[2]));
	if (!strcmp(command, "notify") && argc > 2)
		return notify(argv[2], -1);
	if (!strcmp(command, "barrier"))
		return barrier();
	if (!strcmp(command, "bomb"))
		for (;;)
			if (fork() < 0)
				usleep(1000);
	if (!strcmp(command, "spin"))
		for (;;)
			;
	fprintf(stderr, "probe: see the top of probe.c\n");
	return 2;
}
