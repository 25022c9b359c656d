/*
 * kernel_spawn: vfork(2) whose child calls a Python function.
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
#include "kernel.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#define NAME_OF_DEAD_CHILD "LIBCONTAINER_DEAD_CHILD"
#define BELOW_FRAME 256     /* bytes of stack left alone: the red zone, and some */

/* The child is about to execute a program, or has nothing to do any more: the memory is as its functions left it. */
static volatile int is_orderly;

/* The file of the path, or the one that fd refers to. The interpreter's lock is free meanwhile: a program that was
 * executed cannot give it back. */
static PyObject *execute(const char *path, int fd, PyObject *argv, PyObject *envp, int flags)
{
    struct words arguments, variables;
    long error;

    if (make_words(argv, &arguments) < 0)
        return answer_of_exception();
    if (make_words(envp, &variables) < 0) {
        free_words(&arguments);
        return answer_of_exception();
    }
    Py_BEGIN_ALLOW_THREADS
    is_orderly = 1;
    if (path != NULL)
        execve(path, arguments.pointers, variables.pointers);
    else
        syscall(SYS_execveat, fd, "", arguments.pointers, variables.pointers, flags);
    error = errno;
    is_orderly = 0;
    Py_END_ALLOW_THREADS
    free_words(&arguments);
    free_words(&variables);
    return PyLong_FromLong(-error);
}

/* (path, argv, envp) */
PyObject *kernel_execve(PyObject *module, PyObject *arguments)
{
    PyObject *path, *argv, *envp, *answer;

    (void)module;
    if (!PyArg_ParseTuple(arguments, "O&OO", PyUnicode_FSConverter, &path, &argv, &envp))
        return answer_of_exception();
    answer = execute(PyBytes_AsString(path), -1, argv, envp, 0);
    Py_DECREF(path);
    return answer;
}

/* (fd, argv, envp, flags), of the file itself that the descriptor refers to */
PyObject *kernel_execveat(PyObject *module, PyObject *arguments)
{
    int fd, flags;
    PyObject *argv, *envp;

    (void)module;
    if (!PyArg_ParseTuple(arguments, "iOOi", &fd, &argv, &envp, &flags))
        return NULL;
    return execute(NULL, fd, argv, envp, flags);
}

#if CAN_SHARE_MEMORY

extern char **environ;

struct spawned {
    PyThreadState *state;
    PyObject *run;
    int pid;                /* as this process sees it; the kernel writes it before the child runs */
};

/* Called with the interpreter's lock free, and leaves it free: by this, or by executing as above. */
__attribute__((noreturn, used)) static void run_spawned(struct spawned *child)
{
    PyEval_AcquireThread(child->state);
    PyObject_CallFunction(child->run, "i", child->pid);
    PyEval_ReleaseThread(child->state);
    is_orderly = 1;
    _exit(1);
}

/* The child never comes back into the frame it was cloned in: its first and last act is the call. */
static long clone_and_run(const struct clone3_args *args, struct spawned *child)
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
        : "a"(SYS_clone3), "D"(args), "S"(sizeof *args), [child] "r"(child), [run] "r"(run_spawned),
          [below] "i"(BELOW_FRAME)
        : "rcx", "r11", "rdx", "memory");
    return result;
}

/* No memory is allocated here: its locks may be held by the dead. */
static void execute_successor(char *const successor[], long pid)
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

/* (flags, cgroup_fd, run, successor) -> (pid, pidfd) */
PyObject *kernel_spawn(PyObject *module, PyObject *arguments)
{
    unsigned long long flags;
    int cgroup_fd, is_dumpable, pidfd = -1;
    PyObject *command_line;
    struct words successor;
    struct spawned child = { 0 };
    struct clone3_args args;
    long pid;

    (void)module;
    if (!PyArg_ParseTuple(arguments, "KiOO", &flags, &cgroup_fd, &child.run, &command_line))
        return NULL;
    if (make_words(command_line, &successor) < 0)
        return NULL;
    child.state = PyThreadState_New(PyInterpreterState_Get());
    if (child.state == NULL) {
        free_words(&successor);
        return PyErr_NoMemory();
    }
    args = clone3_args(flags | CLONE_VM | CLONE_VFORK | CLONE_PARENT_SETTID, SIGCHLD, cgroup_fd, &pidfd);
    args.parent_tid = (uint64_t)(uintptr_t)&child.pid;
    is_dumpable = prctl(PR_GET_DUMPABLE, 0, 0, 0, 0);
    Py_BEGIN_ALLOW_THREADS
    is_orderly = 0;
    pid = clone_and_run(&args, &child);
    if (pid >= 0 && !is_orderly)
        execute_successor(successor.pointers, pid);
    Py_END_ALLOW_THREADS
    free_words(&successor);
    /* It belongs to the memory, not to the child. */
    if (pid >= 0 && is_dumpable == 1)
        prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
    return Py_BuildValue("li", pid, pidfd);
}

#else

PyObject *kernel_spawn(PyObject *module, PyObject *arguments)
{
    (void)module, (void)arguments;
    return Py_BuildValue("li", (long)-ENOSYS, -1);
}

#endif
