"""Describe the few system calls without a wrapper in libc or Python to cffi: bpf(2), inotify(7), the type of statfs(2).

setuptools reads ``ffibuilder``; run as a script, it leaves the compiled module in the source tree for a checkout.
"""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from cffi import FFI

MODULE = "libcgroups._kernel"

DECLARATIONS = """
int lc_bpf(int cmd, void *attr, unsigned int size);
int lc_inotify_init1(int flags);
int lc_inotify_add_watch(int fd, const char *path, uint32_t mask);
long lc_statfs_type(const char *path);
"""

SOURCE = """
#include <stdint.h>
#include <sys/inotify.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

/* Each returns -1 and sets errno on failure. */

static int lc_bpf(int cmd, void *attr, unsigned int size)
{
    return (int)syscall(SYS_bpf, cmd, attr, size);
}

static int lc_inotify_init1(int flags)
{
    return inotify_init1(flags);
}

static int lc_inotify_add_watch(int fd, const char *path, uint32_t mask)
{
    return inotify_add_watch(fd, path, mask);
}

/* The magic number of the file system that holds path, CGROUP2_SUPER_MAGIC for instance. */
static long lc_statfs_type(const char *path)
{
    struct statfs buffer;

    return statfs(path, &buffer) ? -1 : (long)buffer.f_type;
}
"""

ffibuilder = FFI()
ffibuilder.cdef(DECLARATIONS)
ffibuilder.set_source(MODULE, SOURCE, define_macros=[("_GNU_SOURCE", None)], py_limited_api=True)


def build_in_place() -> Path:
    """Compile beside the Python sources; the intermediate files stay in a temporary directory."""
    package = Path(__file__).resolve().parent / "src" / MODULE.partition(".")[0]
    with tempfile.TemporaryDirectory() as directory:
        built = Path(ffibuilder.compile(tmpdir=directory))
        return Path(shutil.copy2(built, package / f"{MODULE.rpartition('.')[2]}.abi3.so"))


if __name__ == "__main__":
    build_in_place()
