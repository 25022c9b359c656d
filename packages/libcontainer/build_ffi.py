"""Build ``libcontainer._kernel``: the system calls that Python's os module does not have, in cffi's API mode."""

import os

from cffi import FFI

with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "spawn.c")) as file:
    SPAWN = file.read()

ffibuilder = FFI()

ffibuilder.cdef(
    """
    #define CAN_SHARE_MEMORY ...
    int lc_clone3(uint64_t flags, int exit_signal, int cgroup_fd, int *pidfd);
    int lc_spawn(uint64_t flags, int cgroup_fd, int *pidfd, uintptr_t run, char *const successor[]);
    int lc_socket(int domain, int type);
    int lc_bind_unix(int fd, const char *path);
    int lc_listen(int fd, int backlog);
    int lc_unshare(int flags);
    int lc_setns(int fd, int nstype);
    int lc_mount(const char *source, const char *target, const char *fstype, unsigned long flags, const char *data);
    int lc_umount2(const char *target, int flags);
    int lc_pivot_root(const char *new_root, const char *put_old);
    int lc_openat2(int dirfd, const char *path, uint64_t flags, uint64_t mode, uint64_t resolve);
    int lc_open_tree(int dirfd, const char *path, unsigned int flags);
    int lc_open_tree_attr(int dirfd, const char *path, unsigned int flags, uint64_t attr_set, uint64_t attr_clr,
                          uint64_t propagation, uint64_t userns_fd);
    int lc_move_mount(int from_dirfd, const char *from_path, int to_dirfd, const char *to_path, unsigned int flags);
    int lc_fsopen(const char *fsname, unsigned int flags);
    int lc_fsconfig(int fd, unsigned int command, const char *key, const char *value, int aux);
    int lc_fsmount(int fd, unsigned int flags, unsigned int attr_flags);
    int lc_mount_setattr(int dirfd, const char *path, unsigned int flags, uint64_t attr_set, uint64_t attr_clr,
                         uint64_t propagation, uint64_t userns_fd);
    int lc_sethostname(const char *name, size_t length);
    int lc_setdomainname(const char *name, size_t length);
    int lc_capget(uint64_t *effective, uint64_t *permitted, uint64_t *inheritable);
    int lc_capset(uint64_t effective, uint64_t permitted, uint64_t inheritable);
    int lc_prctl(int option, unsigned long a, unsigned long b, unsigned long c, unsigned long d);
    int lc_keyctl_join_session(const char *name);
    int lc_keyctl_setperm(int key, uint32_t permissions);
    int lc_personality(unsigned long persona);
    int lc_seccomp(unsigned int operation, unsigned int flags, const char *program, unsigned short instructions);
    int lc_execve(const char *path, char *const argv[], char *const envp[]);
    int lc_execveat(int fd, const char *path, char *const argv[], char *const envp[], int flags);
    int lc_close_range(unsigned int first, unsigned int last, unsigned int flags);
    int lc_default_signals(void);
    int lc_prlimit(int pid, int resource, uint64_t soft, uint64_t hard);
    int lc_hard_limit(int pid, int resource, uint64_t *hard);
    int lc_ioprio_set(int which, int who, int ioprio);
    int lc_sched_setattr(int pid, uint32_t policy, uint64_t flags, int32_t nice, uint32_t priority, uint64_t runtime,
                         uint64_t deadline, uint64_t period);
    int lc_set_mempolicy(int mode, const unsigned long *mask, unsigned long maxnode);
    int lc_fstatfs_type(int fd, int64_t *type);
    int lc_pidfd_send_signal(int pidfd, int signal);
    """
)

ffibuilder.set_source(
    "libcontainer._kernel",
    r"""
    #ifndef _GNU_SOURCE
    #define _GNU_SOURCE
    #endif
    #include <errno.h>
    #include <fcntl.h>
    #include <linux/capability.h>
    #include <linux/filter.h>
    #include <linux/keyctl.h>
    #include <sched.h>
    #include <signal.h>
    #include <stdint.h>
    #include <stdio.h>
    #include <string.h>
    #include <sys/mount.h>
    #include <sys/personality.h>
    #include <sys/prctl.h>
    #include <sys/socket.h>
    #include <sys/statfs.h>
    #include <sys/syscall.h>
    #include <sys/un.h>
    #include <unistd.h>

    #ifndef SYS_open_tree_attr
    #define SYS_open_tree_attr 467
    #endif

    struct clone3_args {
        uint64_t flags, pidfd, child_tid, parent_tid, exit_signal, stack, stack_size, tls, set_tid, set_tid_size, cgroup;
    };
    struct open_how2 { uint64_t flags, mode, resolve; };
    struct attr_of_mount { uint64_t attr_set, attr_clr, propagation, userns_fd; };
    struct attr_of_sched {
        uint32_t size, policy;
        uint64_t flags;
        int32_t nice;
        uint32_t priority;
        uint64_t runtime, deadline, period;
    };

    static struct clone3_args lc_clone3_args(uint64_t flags, int exit_signal, int cgroup_fd, int *pidfd)
    {
        struct clone3_args args;
        memset(&args, 0, sizeof args);
        args.flags = flags | 0x00001000;            /* CLONE_PIDFD */
        args.pidfd = (uint64_t)(uintptr_t)pidfd;
        args.exit_signal = (uint64_t)exit_signal;
        if (cgroup_fd >= 0) {
            args.flags |= 0x200000000ULL;           /* CLONE_INTO_CGROUP */
            args.cgroup = (uint64_t)cgroup_fd;
        }
        return args;
    }
    /* Returns twice, like fork(2): the caller must be single-threaded, as PyOS_AfterFork_Child is not called. */
    static int lc_clone3(uint64_t flags, int exit_signal, int cgroup_fd, int *pidfd)
    {
        struct clone3_args args = lc_clone3_args(flags, exit_signal, cgroup_fd, pidfd);
        return (int)syscall(SYS_clone3, &args, sizeof args);
    }
    static int lc_socket(int domain, int type) { return socket(domain, type, 0); }
    static int lc_bind_unix(int fd, const char *path)
    {
        struct sockaddr_un address = { AF_UNIX, "" };

        if (strlen(path) >= sizeof address.sun_path) {
            errno = ENAMETOOLONG;
            return -1;
        }
        strcpy(address.sun_path, path);
        return bind(fd, (struct sockaddr *)&address, sizeof address);
    }
    static int lc_listen(int fd, int backlog) { return listen(fd, backlog); }
    static int lc_unshare(int flags) { return unshare(flags); }
    static int lc_setns(int fd, int nstype) { return setns(fd, nstype); }
    static int lc_mount(const char *source, const char *target, const char *fstype, unsigned long flags,
                        const char *data) { return mount(source, target, fstype, flags, data); }
    static int lc_umount2(const char *target, int flags) { return umount2(target, flags); }
    static int lc_pivot_root(const char *new_root, const char *put_old)
    { return (int)syscall(SYS_pivot_root, new_root, put_old); }
    static int lc_openat2(int dirfd, const char *path, uint64_t flags, uint64_t mode, uint64_t resolve)
    {
        struct open_how2 how = { flags, mode, resolve };
        return (int)syscall(SYS_openat2, dirfd, path, &how, sizeof how);
    }
    static int lc_open_tree(int dirfd, const char *path, unsigned int flags)
    { return (int)syscall(SYS_open_tree, dirfd, path, flags); }
    static int lc_open_tree_attr(int dirfd, const char *path, unsigned int flags, uint64_t attr_set,
                                 uint64_t attr_clr, uint64_t propagation, uint64_t userns_fd)
    {
        struct attr_of_mount attr = { attr_set, attr_clr, propagation, userns_fd };
        return (int)syscall(SYS_open_tree_attr, dirfd, path, flags, &attr, sizeof attr);
    }
    static int lc_move_mount(int from_dirfd, const char *from_path, int to_dirfd, const char *to_path,
                             unsigned int flags)
    { return (int)syscall(SYS_move_mount, from_dirfd, from_path, to_dirfd, to_path, flags); }
    static int lc_fsopen(const char *fsname, unsigned int flags) { return (int)syscall(SYS_fsopen, fsname, flags); }
    static int lc_fsconfig(int fd, unsigned int command, const char *key, const char *value, int aux)
    { return (int)syscall(SYS_fsconfig, fd, command, key, value, aux); }
    static int lc_fsmount(int fd, unsigned int flags, unsigned int attr_flags)
    { return (int)syscall(SYS_fsmount, fd, flags, attr_flags); }
    static int lc_mount_setattr(int dirfd, const char *path, unsigned int flags, uint64_t attr_set,
                                uint64_t attr_clr, uint64_t propagation, uint64_t userns_fd)
    {
        struct attr_of_mount attr = { attr_set, attr_clr, propagation, userns_fd };
        return (int)syscall(SYS_mount_setattr, dirfd, path, flags, &attr, sizeof attr);
    }
    static int lc_sethostname(const char *name, size_t length) { return sethostname(name, length); }
    static int lc_setdomainname(const char *name, size_t length) { return setdomainname(name, length); }
    static int lc_capget(uint64_t *effective, uint64_t *permitted, uint64_t *inheritable)
    {
        struct __user_cap_header_struct header = { _LINUX_CAPABILITY_VERSION_3, 0 };
        struct __user_cap_data_struct data[2];
        int result = (int)syscall(SYS_capget, &header, data);
        if (result == 0) {
            *effective = data[0].effective | (uint64_t)data[1].effective << 32;
            *permitted = data[0].permitted | (uint64_t)data[1].permitted << 32;
            *inheritable = data[0].inheritable | (uint64_t)data[1].inheritable << 32;
        }
        return result;
    }
    static int lc_capset(uint64_t effective, uint64_t permitted, uint64_t inheritable)
    {
        struct __user_cap_header_struct header = { _LINUX_CAPABILITY_VERSION_3, 0 };
        struct __user_cap_data_struct data[2] = {
            { (uint32_t)effective, (uint32_t)permitted, (uint32_t)inheritable },
            { (uint32_t)(effective >> 32), (uint32_t)(permitted >> 32), (uint32_t)(inheritable >> 32) },
        };
        return (int)syscall(SYS_capset, &header, data);
    }
    static int lc_prctl(int option, unsigned long a, unsigned long b, unsigned long c, unsigned long d)
    { return prctl(option, a, b, c, d); }
    static int lc_keyctl_join_session(const char *name)
    { return (int)syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, name, 0, 0, 0); }
    static int lc_keyctl_setperm(int key, uint32_t permissions)
    { return (int)syscall(SYS_keyctl, KEYCTL_SETPERM, key, permissions, 0, 0); }
    static int lc_personality(unsigned long persona) { return personality(persona); }
    static int lc_seccomp(unsigned int operation, unsigned int flags, const char *program,
                          unsigned short instructions)
    {
        struct sock_fprog filter = { instructions, (struct sock_filter *)program };
        return (int)syscall(SYS_seccomp, operation, flags, &filter);
    }
    static int lc_close_range(unsigned int first, unsigned int last, unsigned int flags)
    { return (int)syscall(SYS_close_range, first, last, flags); }
    /* Past the C library, which keeps 32 and 33 for itself: make(1) leaves these ignored, and so they would stay. */
    static int lc_default_signals(void)
    {
        struct { void *handler; unsigned long flags; void *restorer; uint64_t mask; } action;
        uint64_t none = 0;
        int number;
        memset(&action, 0, sizeof action);
        for (number = 1; number <= 64; number++)
            if (syscall(SYS_rt_sigaction, number, &action, NULL, sizeof none) != 0 && errno != EINVAL)
                return -1;
        return (int)syscall(SYS_rt_sigprocmask, SIG_SETMASK, &none, NULL, sizeof none);
    }
    static int lc_prlimit(int pid, int resource, uint64_t soft, uint64_t hard)
    {
        uint64_t limits[2] = { soft, hard };
        return (int)syscall(SYS_prlimit64, pid, resource, limits, 0);
    }
    static int lc_hard_limit(int pid, int resource, uint64_t *hard)
    {
        uint64_t limits[2];
        int result = (int)syscall(SYS_prlimit64, pid, resource, 0, limits);

        *hard = limits[1];
        return result;
    }
    static int lc_ioprio_set(int which, int who, int ioprio) { return (int)syscall(SYS_ioprio_set, which, who, ioprio); }
    static int lc_sched_setattr(int pid, uint32_t policy, uint64_t flags, int32_t nice, uint32_t priority,
                                uint64_t runtime, uint64_t deadline, uint64_t period)
    {
        struct attr_of_sched attr = {
            sizeof attr, policy, flags, nice, priority, runtime, deadline, period,
        };
        return (int)syscall(SYS_sched_setattr, pid, &attr, 0);
    }
    static int lc_set_mempolicy(int mode, const unsigned long *mask, unsigned long maxnode)
    { return (int)syscall(SYS_set_mempolicy, mode, mask, maxnode); }
    static int lc_fstatfs_type(int fd, int64_t *type)
    {
        struct statfs buffer;
        int result = fstatfs(fd, &buffer);
        if (result == 0)
            *type = (int64_t)buffer.f_type;
        return result;
    }
    static int lc_pidfd_send_signal(int pidfd, int signal)
    { return (int)syscall(SYS_pidfd_send_signal, pidfd, signal, 0, 0); }
    """
    + SPAWN,
    py_limited_api=True,
    define_macros=[("Py_LIMITED_API", "0x030b0000")],
    extra_compile_args=["-O2"],
)

if __name__ == "__main__":
    ffibuilder.compile(verbose=True)
