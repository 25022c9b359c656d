"""Describe libseccomp to cffi, out of line and in API mode: the C compiler checks each line against seccomp.h.

setuptools reads ``ffibuilder``; run as a script, it leaves the compiled module in the source tree for a checkout.
Only what libseccomp 2.5.4 has is named. What came later is probed at run time through numbers and names: attributes
(``seccomp_attr_set``) and architectures (``seccomp_arch_resolve_name``).
"""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from cffi import FFI

MODULE = "libseccomp._libseccomp"

DECLARATIONS = """
typedef void *scmp_filter_ctx;

struct scmp_version { unsigned int major; unsigned int minor; unsigned int micro; };

enum scmp_filter_attr { SCMP_FLTATR_ACT_DEFAULT, ... };
enum scmp_compare { SCMP_CMP_NE, ... };
struct scmp_arg_cmp { unsigned int arg; enum scmp_compare op; uint64_t datum_a; uint64_t datum_b; };

struct seccomp_data { int nr; uint32_t arch; uint64_t instruction_pointer;
                      unsigned long long args[6]; ...; };
struct seccomp_notif { uint64_t id; uint32_t pid; uint32_t flags; struct seccomp_data data; ...; };
struct seccomp_notif_resp { uint64_t id; int64_t val; int32_t error; uint32_t flags; ...; };
struct seccomp_notif_addfd { uint64_t id; uint32_t flags; uint32_t srcfd; uint32_t newfd; uint32_t newfd_flags; ...; };

const struct scmp_version *seccomp_version(void);
unsigned int seccomp_api_get(void);

scmp_filter_ctx seccomp_init(uint32_t def_action);
void seccomp_release(scmp_filter_ctx ctx);
int seccomp_load(scmp_filter_ctx ctx);
int seccomp_attr_get(scmp_filter_ctx ctx, enum scmp_filter_attr attr, uint32_t *value);
int seccomp_attr_set(scmp_filter_ctx ctx, enum scmp_filter_attr attr, uint32_t value);

uint32_t seccomp_arch_native(void);
uint32_t seccomp_arch_resolve_name(const char *arch_name);
int seccomp_arch_exist(scmp_filter_ctx ctx, uint32_t arch_token);
int seccomp_arch_add(scmp_filter_ctx ctx, uint32_t arch_token);
int seccomp_arch_remove(scmp_filter_ctx ctx, uint32_t arch_token);

char *seccomp_syscall_resolve_num_arch(uint32_t arch_token, int num);
int seccomp_syscall_resolve_name_arch(uint32_t arch_token, const char *name);

int seccomp_rule_add_array(scmp_filter_ctx ctx, uint32_t action, int syscall, unsigned int arg_cnt,
                           const struct scmp_arg_cmp *arg_array);
int seccomp_rule_add_exact_array(scmp_filter_ctx ctx, uint32_t action, int syscall, unsigned int arg_cnt,
                                 const struct scmp_arg_cmp *arg_array);

int seccomp_export_pfc(scmp_filter_ctx ctx, int fd);
int seccomp_export_bpf(scmp_filter_ctx ctx, int fd);

int seccomp_notify_alloc(struct seccomp_notif **req, struct seccomp_notif_resp **resp);
void seccomp_notify_free(struct seccomp_notif *req, struct seccomp_notif_resp *resp);
int seccomp_notify_receive(int fd, struct seccomp_notif *req);
int seccomp_notify_respond(int fd, struct seccomp_notif_resp *resp);
int seccomp_notify_id_valid(int fd, uint64_t id);
int seccomp_notify_fd(scmp_filter_ctx ctx);

int notify_add_fd(int fd, struct seccomp_notif_addfd *addition);
const char *library_path(void);
void free(void *pointer);
"""

SOURCE = """
#include <dlfcn.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <linux/seccomp.h>
#include <seccomp.h>

/* libseccomp has no call for this one; returns the target's descriptor, or -1 and errno. */
static int notify_add_fd(int fd, struct seccomp_notif_addfd *addition)
{
    return ioctl(fd, SECCOMP_IOCTL_NOTIF_ADDFD, addition);
}

/* The file that the loader took seccomp_version from; NULL if it cannot tell. */
static const char *library_path(void)
{
    Dl_info info;

    return dladdr((void *)seccomp_version, &info) ? info.dli_fname : NULL;
}
"""

ffibuilder = FFI()
ffibuilder.cdef(DECLARATIONS)
ffibuilder.set_source(
    MODULE,
    SOURCE,
    libraries=["seccomp"],
    # Dl_info and dladdr are extensions of libc; before glibc 2.34 they live in libdl.
    # __u64 is to be unsigned long long on every architecture: asm/types.h of mips64 and ppc64 ask for this macro.
    define_macros=[("_GNU_SOURCE", None), ("__SANE_USERSPACE_TYPES__", None)],
    py_limited_api=True,
)


def build_in_place() -> Path:
    """Compile beside the Python sources; the intermediate files stay in a temporary directory."""
    package = Path(__file__).resolve().parent / "src" / MODULE.partition(".")[0]
    with tempfile.TemporaryDirectory() as directory:
        built = Path(ffibuilder.compile(tmpdir=directory))
        return Path(shutil.copy2(built, package / f"{MODULE.rpartition('.')[2]}.abi3.so"))


if __name__ == "__main__":
    build_in_place()
