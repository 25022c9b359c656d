/* What the two halves of libcontainer._kernel know of each other. */
#ifndef LIBCONTAINER_KERNEL_H
#define LIBCONTAINER_KERNEL_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#define Py_LIMITED_API 0x030b0000
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <stdint.h>
#include <sys/syscall.h>

/* Newer than the headers of some systems that wheels are built on; from 424 on, numbers are the same everywhere. */
#ifndef SYS_mount_setattr
#define SYS_mount_setattr 442
#endif
#ifndef SYS_openat2
#define SYS_openat2 437
#endif
#ifndef SYS_close_range
#define SYS_close_range 436
#endif
#ifndef SYS_clone3
#define SYS_clone3 435
#endif
#ifndef SYS_fsopen
#define SYS_open_tree 428
#define SYS_move_mount 429
#define SYS_fsopen 430
#define SYS_fsconfig 431
#define SYS_fsmount 432
#endif
#ifndef SYS_pidfd_send_signal
#define SYS_pidfd_send_signal 424
#endif

/* struct clone_args of linux/sched.h, whose size older headers have otherwise. */
struct clone3_args {
    uint64_t flags, pidfd, child_tid, parent_tid, exit_signal, stack, stack_size, tls, set_tid, set_tid_size, cgroup;
};

/* Arguments of a clone3(2) that writes a pidfd; a cgroup_fd of -1 leaves the child in our cgroup. */
struct clone3_args clone3_args(uint64_t flags, int exit_signal, int cgroup_fd, int *pidfd);

/* What a function returns instead of the kernel's answer. */
PyObject *answer_of_exception(void);

/* argv or envp made of a sequence of str. The texts are those of `held`; both are to be given to free_words. */
struct words {
    char **pointers;
    PyObject *held;
};

/* Returns 0, or -1 with an exception. */
int make_words(PyObject *sequence, struct words *words);
void free_words(struct words *words);

#if defined(__x86_64__) && !defined(PYPY_VERSION) && !defined(Py_GIL_DISABLED)
#define CAN_SHARE_MEMORY 1
#else
#define CAN_SHARE_MEMORY 0
#endif

/* spawn.c; functions of the module */
PyObject *kernel_spawn(PyObject *module, PyObject *arguments);
PyObject *kernel_execve(PyObject *module, PyObject *arguments);
PyObject *kernel_execveat(PyObject *module, PyObject *arguments);

#endif
