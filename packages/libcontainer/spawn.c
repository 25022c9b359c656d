/*
 * lc_spawn: vfork(2) whose child calls a Python function.
 *
 * The child runs in this process's own memory while this process waits until it has executed a program or ended. A
 * fork of an interpreter copies every page that either of the two writes to, which is a third of what creating a
 * container costs. The child has a thread state of its own and a stack below the caller's frame, so that nothing of
 * the caller is overwritten but objects that both know.
 *
 * A child that is killed leaves the memory as it was at that moment: half of an allocation may be done, a lock held.
 * Nobody may go on in it. This process then executes its successor: the same program, whose memory is new, and which
 * finds on the disk what is to be taken back. It is told the child's pid by the variable of NAME_OF_DEAD_CHILD.
 */
#if defined(__x86_64__) && !defined(PYPY_VERSION) && !defined(Py_GIL_DISABLED)
#define CAN_SHARE_MEMORY 1
#else
#define CAN_SHARE_MEMORY 0
#endif

#define NAME_OF_DEAD_CHILD "LIBCONTAINER_DEAD_CHILD"
#define BELOW_FRAME 256     /* bytes of stack left alone: the red zone, and some */

/* The child is about to execute a program, or has nothing to do any more: the memory is as its functions left it. */
static volatile int lc_is_orderly;

static int lc_execve(const char *path, char *const argv[], char *const envp[])
{
    lc_is_orderly = 1;
    execve(path, argv, envp);
    lc_is_orderly = 0;
    return -1;
}

static int lc_execveat(int fd, const char *path, char *const argv[], char *const envp[], int flags)
{
    lc_is_orderly = 1;
    syscall(SYS_execveat, fd, path, argv, envp, flags);
    lc_is_orderly = 0;
    return -1;
}

#if CAN_SHARE_MEMORY

extern char **environ;

struct spawned {
    PyThreadState *state;
    PyObject *run;
    int pid;                /* as this process sees it; the kernel writes it before the child runs */
};

/* Called with the interpreter's lock free, as cffi leaves it, and leaves it free: by this, or by executing through cffi. */
__attribute__((noreturn, used)) static void lc_run_spawned(struct spawned *child)
{
    PyEval_AcquireThread(child->state);
    PyObject_CallFunction(child->run, "i", child->pid);
    PyEval_ReleaseThread(child->state);
    lc_is_orderly = 1;
    _exit(1);
}

/* The child never comes back into the frame it was cloned in: its first and last act is the call. */
static long lc_clone_and_run(const struct clone3_args *args, struct spawned *child)
{
    long result;

    __asm__ volatile(
        "syscall\n\t"
        "test %%rax, %%rax\n\t"
        "jnz 1f\n\t"
        "mov %[child], %%rdi\n\t"
        "sub %[below], %%rsp\n\t"
        "and $-16, %%rsp\n\t"
        "xor %%ebp, %%ebp\n\t"
        "call *%[run]\n\t"
        "1:"
        : "=a"(result)
        : "a"(SYS_clone3), "D"(args), "S"(sizeof *args), [child] "r"(child), [run] "r"(lc_run_spawned),
          [below] "i"(BELOW_FRAME)
        : "rcx", "r11", "rdx", "memory");
    return result;
}

/* No memory is allocated here: its locks may be held by the dead. */
static void lc_execute_successor(char *const successor[], long pid)
{
    static char variable[sizeof NAME_OF_DEAD_CHILD + 24];
    static const char failed[] = "a process that shared memory with this one was killed, and a new start failed\n";
    size_t count = 0;

    while (environ[count] != NULL)
        count++;
    {
        char *variables[count + 2];

        snprintf(variable, sizeof variable, NAME_OF_DEAD_CHILD "=%ld", pid);
        memcpy(variables, environ, count * sizeof *variables);
        variables[count] = variable;
        variables[count + 1] = NULL;
        execve("/proc/self/exe", successor, variables);
    }
    if (write(2, failed, sizeof failed - 1) < 0)
        _exit(127);
    _exit(1);
}

static int lc_spawn(uint64_t flags, int cgroup_fd, int *pidfd, uintptr_t run, char *const successor[])
{
    PyGILState_STATE locked = PyGILState_Ensure();
    struct spawned child = { PyThreadState_New(PyInterpreterState_Get()), (PyObject *)run, 0 };
    struct clone3_args args =
        lc_clone3_args(flags | CLONE_VM | CLONE_VFORK | CLONE_PARENT_SETTID, SIGCHLD, cgroup_fd, pidfd);
    long pid;
    int is_dumpable;

    args.parent_tid = (uint64_t)(uintptr_t)&child.pid;
    PyGILState_Release(locked);
    if (child.state == NULL) {
        errno = ENOMEM;
        return -1;
    }
    is_dumpable = prctl(PR_GET_DUMPABLE, 0, 0, 0, 0);
    lc_is_orderly = 0;
    pid = lc_clone_and_run(&args, &child);
    if (pid < 0) {
        errno = (int)-pid;
        return -1;
    }
    if (!lc_is_orderly)
        lc_execute_successor(successor, pid);
    /* It belongs to the memory, not to the child. */
    if (is_dumpable == 1)
        prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
    return (int)pid;
}

#else

static int lc_spawn(uint64_t flags, int cgroup_fd, int *pidfd, uintptr_t run, char *const successor[])
{
    (void)flags, (void)cgroup_fd, (void)pidfd, (void)run, (void)successor;
    errno = ENOSYS;
    return -1;
}

#endif
