/*
 * libcontainer._kernel: the system calls that Python's os module does not have.
 *
 * A function for each, under its own name. It takes what its man page says: numbers, str (encoded as file names are),
 * None for a null pointer, bytes for a structure to read and bytearray for one to write; arguments that are left out
 * are 0. It answers what the kernel does: a number, negative for an error: libcontainer.syscall.linux makes an OSError
 * of it. Calls whose structures contain pointers, and those that are not one call only, are written out.
 *
 * Not cffi: loading its run-time costs each command a millisecond and 0.3 MiB.
 */
#include "kernel.h"

#include <errno.h>
#include <link.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/vfs.h>
#include <unistd.h>

#define CLONE_PIDFD 0x00001000
#define CLONE_INTO_CGROUP 0x200000000ULL
#define MOST_ARGUMENTS 6

#define CALLS(X)                                                                                                      \
    X(bind)                                                                                                           \
    X(capget)                                                                                                         \
    X(capset)                                                                                                         \
    X(close_range)                                                                                                    \
    X(fsconfig)                                                                                                       \
    X(fsmount)                                                                                                        \
    X(fsopen)                                                                                                         \
    X(ioprio_set)                                                                                                     \
    X(keyctl)                                                                                                         \
    X(listen)                                                                                                         \
    X(mount)                                                                                                          \
    X(mount_setattr)                                                                                                  \
    X(move_mount)                                                                                                     \
    X(open_tree)                                                                                                      \
    X(openat2)                                                                                                        \
    X(personality)                                                                                                    \
    X(pidfd_send_signal)                                                                                              \
    X(pivot_root)                                                                                                     \
    X(prctl)                                                                                                          \
    X(prlimit64)                                                                                                      \
    X(sched_setattr)                                                                                                  \
    X(set_mempolicy)                                                                                                  \
    X(setdomainname)                                                                                                  \
    X(sethostname)                                                                                                    \
    X(setns)                                                                                                          \
    X(socket)                                                                                                         \
    X(umount2)                                                                                                        \
    X(unshare)

/* The answer after an exception: a text that cannot be given to the kernel is an invalid argument. */
PyObject *answer_of_exception(void)
{
    if (!PyErr_ExceptionMatches(PyExc_ValueError))
        return NULL;
    PyErr_Clear();
    return PyLong_FromLong(-EINVAL);
}

/* Returns bytes that end where C thinks they do. */
static PyObject *encode(PyObject *text)
{
    PyObject *encoded = PyUnicode_EncodeFSDefault(text);

    if (encoded != NULL && strlen(PyBytes_AsString(encoded)) != (size_t)PyBytes_Size(encoded)) {
        Py_DECREF(encoded);
        PyErr_SetString(PyExc_ValueError, "embedded null byte");
        return NULL;
    }
    return encoded;
}

/* Returns 0, or -1 with an exception; what is to be released after the call is put to `held`. */
static int as_word(PyObject *argument, unsigned long *word, PyObject **held)
{
    *held = NULL;
    if (PyLong_Check(argument)) {
        *word = PyLong_AsUnsignedLongMask(argument);
        return 0;
    }
    if (argument == Py_None) {
        *word = 0;
        return 0;
    }
    if (PyUnicode_Check(argument)) {
        if ((*held = encode(argument)) == NULL)
            return -1;
        *word = (unsigned long)PyBytes_AsString(*held);
        return 0;
    }
    if (PyBytes_Check(argument)) {
        *word = (unsigned long)PyBytes_AsString(argument);
        return 0;
    }
    if (PyByteArray_Check(argument)) {
        *word = (unsigned long)PyByteArray_AsString(argument);
        return 0;
    }
    PyErr_Format(PyExc_TypeError, "a system call takes int, str, None, bytes or bytearray, not %R", argument);
    return -1;
}

static PyObject *call(long number, PyObject *const *arguments, Py_ssize_t count)
{
    unsigned long words[MOST_ARGUMENTS] = { 0 };
    PyObject *held[MOST_ARGUMENTS];
    PyObject *answer = NULL;
    Py_ssize_t used;
    long result;

    if (count > MOST_ARGUMENTS) {
        PyErr_Format(PyExc_TypeError, "a system call takes %d arguments at most, not %zd", MOST_ARGUMENTS, count);
        return NULL;
    }
    for (used = 0; used < count; used++)
        if (as_word(arguments[used], &words[used], &held[used]) < 0) {
            answer = answer_of_exception();
            goto release;
        }
    Py_BEGIN_ALLOW_THREADS
    result = syscall(number, words[0], words[1], words[2], words[3], words[4], words[5]);
    if (result == -1)
        result = -errno;
    Py_END_ALLOW_THREADS
    answer = PyLong_FromLong(result);
release:
    while (used-- > 0)
        Py_XDECREF(held[used]);
    return answer;
}

#define DEFINE(NAME)                                                                                                  \
    static PyObject *kernel_##NAME(PyObject *module, PyObject *const *arguments, Py_ssize_t count)                    \
    {                                                                                                                 \
        (void)module;                                                                                                 \
        return call(SYS_##NAME, arguments, count);                                                                    \
    }
CALLS(DEFINE)

int make_words(PyObject *sequence, struct words *words)
{
    Py_ssize_t count = PySequence_Size(sequence), index;

    words->pointers = NULL;
    words->held = count < 0 ? NULL : PyTuple_New(count);
    if (words->held == NULL)
        return -1;
    words->pointers = PyMem_Calloc((size_t)count + 1, sizeof *words->pointers);
    if (words->pointers == NULL)
        PyErr_NoMemory();
    for (index = 0; words->pointers != NULL && index < count; index++) {
        PyObject *text = PySequence_GetItem(sequence, index);
        PyObject *encoded = text == NULL ? NULL : encode(text);

        Py_XDECREF(text);
        if (encoded == NULL)
            break;
        PyTuple_SetItem(words->held, index, encoded);
        words->pointers[index] = PyBytes_AsString(encoded);
    }
    if (PyErr_Occurred()) {
        free_words(words);
        return -1;
    }
    return 0;
}

void free_words(struct words *words)
{
    PyMem_Free(words->pointers);
    Py_XDECREF(words->held);
}

struct clone3_args clone3_args(uint64_t flags, int exit_signal, int cgroup_fd, int *pidfd)
{
    struct clone3_args args;

    memset(&args, 0, sizeof args);
    args.flags = flags | CLONE_PIDFD;
    args.pidfd = (uint64_t)(uintptr_t)pidfd;
    args.exit_signal = (uint64_t)exit_signal;
    if (cgroup_fd >= 0) {
        args.flags |= CLONE_INTO_CGROUP;
        args.cgroup = (uint64_t)cgroup_fd;
    }
    return args;
}

/* (flags, exit_signal, cgroup_fd) -> (pid, pidfd). Returns twice, like fork(2): the caller must be single-threaded, as
 * PyOS_AfterFork_Child is not called. */
static PyObject *kernel_clone3(PyObject *module, PyObject *arguments)
{
    unsigned long long flags;
    int exit_signal, cgroup_fd, pidfd = -1;
    struct clone3_args args;
    long pid;

    (void)module;
    if (!PyArg_ParseTuple(arguments, "Kii", &flags, &exit_signal, &cgroup_fd))
        return NULL;
    args = clone3_args(flags, exit_signal, cgroup_fd, &pidfd);
    pid = syscall(SYS_clone3, &args, sizeof args);
    return Py_BuildValue("li", pid == -1 ? -errno : pid, pid == 0 ? -1 : pidfd);
}

/* (fd): the f_type of fstatfs(2), a number of 32 bits; its structure has other sizes on other processors */
static PyObject *kernel_fstatfs_type(PyObject *module, PyObject *arguments)
{
    int fd;
    struct statfs buffer;

    (void)module;
    if (!PyArg_ParseTuple(arguments, "i", &fd))
        return NULL;
    return PyLong_FromLongLong(fstatfs(fd, &buffer) == -1 ? -errno : (long long)(uint32_t)buffer.f_type);
}

/* (flags, program): SECCOMP_SET_MODE_FILTER with the bytes of a BPF program. */
static PyObject *kernel_seccomp_set_mode_filter(PyObject *module, PyObject *arguments)
{
    unsigned int flags;
    const char *program;
    Py_ssize_t size;
    struct sock_fprog filter;
    long result;

    (void)module;
    if (!PyArg_ParseTuple(arguments, "Iy#", &flags, &program, &size))
        return NULL;
    filter.len = (unsigned short)(size / (Py_ssize_t)sizeof *filter.filter);
    filter.filter = (struct sock_filter *)program;
    result = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &filter);
    return PyLong_FromLong(result == -1 ? -errno : result);
}

/* Past the C library, which keeps 32 and 33 for itself: make(1) leaves these ignored, and so they would stay. */
static PyObject *kernel_default_signals(PyObject *module, PyObject *none)
{
    struct { void *handler; unsigned long flags; void *restorer; uint64_t mask; } action;
    uint64_t blocked = 0;
    int number;

    (void)module, (void)none;
    memset(&action, 0, sizeof action);
    for (number = 1; number <= 64; number++)
        if (syscall(SYS_rt_sigaction, number, &action, NULL, sizeof blocked) != 0 && errno != EINVAL)
            return PyLong_FromLong(-errno);
    if (syscall(SYS_rt_sigprocmask, SIG_SETMASK, &blocked, NULL, sizeof blocked) != 0)
        return PyLong_FromLong(-errno);
    return PyLong_FromLong(0);
}

static int give_back(struct dl_phdr_info *library, size_t size, void *names)
{
    const char *slash = strrchr(library->dlpi_name, '/'), *name = slash == NULL ? library->dlpi_name : slash + 1;
    const uintptr_t within_page = (uintptr_t)sysconf(_SC_PAGESIZE) - 1;
    char **wanted;
    int part;

    (void)size;
    for (wanted = names; *wanted != NULL && strncmp(name, *wanted, strlen(*wanted)) != 0; wanted++)
        ;
    for (part = 0; *wanted != NULL && part < library->dlpi_phnum; part++) {
        const ElfW(Phdr) *header = &library->dlpi_phdr[part];
        const uintptr_t start = (library->dlpi_addr + header->p_vaddr) & ~within_page;
        const uintptr_t end = library->dlpi_addr + header->p_vaddr + header->p_memsz;

        if (header->p_type == PT_LOAD && !(header->p_flags & PF_W))
            madvise((void *)start, end - start, MADV_DONTNEED);
    }
    return 0;
}

/* (names): give back what is mapped of the read-only parts of the shared libraries whose names begin so. It is mapped
 * again when it is read. To load a library maps much of it that is never needed again: 0.5 MiB of libm. */
static PyObject *kernel_give_back_libraries(PyObject *module, PyObject *sequence)
{
    struct words names;

    (void)module;
    if (make_words(sequence, &names) < 0)
        return NULL;
    dl_iterate_phdr(give_back, names.pointers);
    free_words(&names);
    Py_RETURN_NONE;
}

#define METHOD(NAME) { #NAME, (PyCFunction)(void (*)(void))kernel_##NAME, METH_FASTCALL, NULL },
static PyMethodDef methods[] = {
    CALLS(METHOD)
    { "clone3", kernel_clone3, METH_VARARGS, NULL },
    { "default_signals", kernel_default_signals, METH_NOARGS, NULL },
    { "execve", kernel_execve, METH_VARARGS, NULL },
    { "execveat", kernel_execveat, METH_VARARGS, NULL },
    { "fstatfs_type", kernel_fstatfs_type, METH_VARARGS, NULL },
    { "give_back_libraries", kernel_give_back_libraries, METH_O, NULL },
    { "seccomp_set_mode_filter", kernel_seccomp_set_mode_filter, METH_VARARGS, NULL },
    { "spawn", kernel_spawn, METH_VARARGS, NULL },
    { NULL, NULL, 0, NULL },
};

static int add_constants(PyObject *module)
{
    return PyModule_AddIntConstant(module, "CAN_SHARE_MEMORY", CAN_SHARE_MEMORY);
}

static PyModuleDef_Slot slots[] = {
    { Py_mod_exec, (void *)add_constants },
    { 0, NULL },
};

static struct PyModuleDef definition = {
    PyModuleDef_HEAD_INIT, "libcontainer._kernel", NULL, 0, methods, slots, NULL, NULL, NULL,
};

PyMODINIT_FUNC PyInit__kernel(void)
{
    return PyModuleDef_Init(&definition);
}
