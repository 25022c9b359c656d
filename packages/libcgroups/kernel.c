/*
 * libcgroups._kernel: the system calls that Python's os module does not have, bpf(2) and inotify(7).
 *
 * Each answers what the kernel does: a number, negative for an error.
 *
 * Not cffi: loading its run-time costs every container on cgroup v2 a millisecond and 0.3 MiB.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#define Py_LIMITED_API 0x030b0000
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <errno.h>
#include <stdint.h>
#include <sys/inotify.h>
#include <sys/syscall.h>
#include <unistd.h>

static PyObject *answer(long result)
{
    return PyLong_FromLong(result == -1 ? -errno : result);
}

/* (buffer): where its bytes are, for a structure with a pointer; only as long as somebody holds it. */
static PyObject *kernel_address(PyObject *module, PyObject *buffer)
{
    Py_buffer view;
    PyObject *address;

    (void)module;
    if (PyObject_GetBuffer(buffer, &view, PyBUF_SIMPLE) < 0)
        return NULL;
    address = PyLong_FromUnsignedLongLong((uintptr_t)view.buf);
    PyBuffer_Release(&view);
    return address;
}

/* (command, attributes): the kernel may write to the attributes */
static PyObject *kernel_bpf(PyObject *module, PyObject *arguments)
{
    int command;
    Py_buffer attributes;
    long result;

    (void)module;
    if (!PyArg_ParseTuple(arguments, "iw*", &command, &attributes))
        return NULL;
    Py_BEGIN_ALLOW_THREADS
    result = syscall(SYS_bpf, command, attributes.buf, (unsigned int)attributes.len);
    if (result == -1)
        result = -errno;
    Py_END_ALLOW_THREADS
    PyBuffer_Release(&attributes);
    return PyLong_FromLong(result);
}

static PyObject *kernel_inotify_init1(PyObject *module, PyObject *arguments)
{
    int flags;

    (void)module;
    if (!PyArg_ParseTuple(arguments, "i", &flags))
        return NULL;
    return answer(inotify_init1(flags));
}

static PyObject *kernel_inotify_add_watch(PyObject *module, PyObject *arguments)
{
    int fd;
    PyObject *path, *watch;
    unsigned int mask;

    (void)module;
    if (!PyArg_ParseTuple(arguments, "iO&I", &fd, PyUnicode_FSConverter, &path, &mask))
        return NULL;
    watch = answer(inotify_add_watch(fd, PyBytes_AsString(path), mask));
    Py_DECREF(path);
    return watch;
}

static PyMethodDef methods[] = {
    { "address", kernel_address, METH_O, NULL },
    { "bpf", kernel_bpf, METH_VARARGS, NULL },
    { "inotify_add_watch", kernel_inotify_add_watch, METH_VARARGS, NULL },
    { "inotify_init1", kernel_inotify_init1, METH_VARARGS, NULL },
    { NULL, NULL, 0, NULL },
};

static PyModuleDef_Slot slots[] = {
    { 0, NULL },
};

static struct PyModuleDef definition = {
    PyModuleDef_HEAD_INIT, "libcgroups._kernel", NULL, 0, methods, slots, NULL, NULL, NULL,
};

PyMODINIT_FUNC PyInit__kernel(void)
{
    return PyModuleDef_Init(&definition);
}
