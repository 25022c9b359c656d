/*
 * bin/pyouki: start the interpreter beside this program on pyouki's main, isolated and from a read-only clone.
 *
 * Isolated: -I -S -B, so no PYTHON* variable, no current directory, no user site and no .pth file takes part; texts are
 * UTF-8 whatever the locale. It is called by a name in a home that write_home.py has made beside our packages, which
 * spares it a tenth of its start, or else by its own, and not by the link in a virtual environment: main knows where our
 * packages are, and reading pyvenv.cfg would take as long.
 * Read-only clone: /proc/PID/exe of a runtime process that enters a container must not lead to a file of the host
 * that the container can write (CVE-2019-5736). The interpreter is executed through a detached read-only mount of
 * itself; where that is not permitted (rootless) and the caller owns the interpreter, from a sealed memory file;
 * otherwise the file belongs to somebody else and is executed as it is. Commands that enter no container go without.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/mount.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

extern char **environ;

/* Every command is in one of these; a word that merely looks like one is taken for it, which only costs the clone. */
static const char *const entering[] = {
    "checkpoint", "create", "exec", "mounts", "restore", "run", NULL
};
static const char *const staying_outside[] = {
    "completion", "delete", "events", "features", "help", "info", "kill", "list", "pause", "ps", "resume", "spec",
    "start", "state", "update", "version", NULL
};

static void die(const char *what, const char *name)
{
    fprintf(stderr, "pyouki: %s %s: %s\n", what, name, strerror(errno));
    exit(1);
}

static void join(char *path, const char *directory, const char *name)
{
    size_t length = strlen(directory);

    if (length + strlen(name) >= PATH_MAX) {
        errno = ENAMETOOLONG;
        die("find", name);
    }
    memcpy(path, directory, length);
    strcpy(path + length, name);
}

/* Cut off the last component of a path. */
static void cut_last(char *path)
{
    char *slash = strrchr(path, '/');

    if (slash != NULL)
        *slash = '\0';
}

static int has_word_of(const char *const *words, char **arguments)
{
    for (; *arguments != NULL; arguments++)
        for (const char *const *word = words; *word != NULL; word++)
            if (strcmp(*arguments, *word) == 0)
                return 1;
    return 0;
}

/* Whether the command may put a process of ours into a container; when in doubt it may. */
static int may_enter(char **arguments)
{
    return has_word_of(entering, arguments) || !has_word_of(staying_outside, arguments);
}

/* Replace the path of the source by that of its bytecode if that is up to date: compiling it costs more than a fork. */
static void prefer_bytecode(char *main_file, const char *version)
{
    char bytecode[PATH_MAX];
    size_t directory = strlen(main_file) - strlen("__main__.py");
    struct stat source;
    uint32_t header[4];     /* magic number, flags, time and size of the source: PEP 552 */
    ssize_t got;
    int fd;

    if (strncmp(version, "python3.", strlen("python3.")) != 0
        || snprintf(bytecode, sizeof bytecode, "%.*s__pycache__/__main__.cpython-3%s.pyc", (int)directory, main_file,
                    version + strlen("python3.")) >= (int)sizeof bytecode)
        return;
    fd = open(bytecode, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return;
    got = read(fd, header, sizeof header);
    close(fd);
    if (got == sizeof header && header[1] == 0 && stat(main_file, &source) == 0
        && header[2] == (uint32_t)source.st_mtime && header[3] == (uint32_t)source.st_size)
        strcpy(main_file, bytecode);
}

/* The file with main, by the place of packages in the prefix that this program is in. */
static int find_main(const char *prefix, const char *version, char *main_file)
{
    if (snprintf(main_file, PATH_MAX, "%s/lib/%s/site-packages/pyouki/__main__.py", prefix, version) >= PATH_MAX
        || access(main_file, R_OK) != 0)
        return 0;
    prefer_bytecode(main_file, version);
    return 1;
}

/* The name in the home beside our packages, if there is one for this interpreter. */
static int find_name(const char *prefix, const char *version, char *name)
{
    char encodings[PATH_MAX];
    int length = snprintf(name, PATH_MAX, "%s/lib/%s/site-packages/pyouki-home", prefix, version);

    if (length + (int)sizeof "/bin/pyouki" > PATH_MAX
        || snprintf(encodings, sizeof encodings, "%s/lib/%s/encodings/__init__.py", name, version)
            >= (int)sizeof encodings
        || access(encodings, R_OK) != 0)
        return 0;
    strcpy(name + length, "/bin/pyouki");
    return 1;
}

/*
 * Copy the environment with LC_ALL=C, for the interpreter would load a locale for nothing: its texts are UTF-8. What
 * the variable was, or nothing, is kept under another name, by which main puts it back.
 */
static void copy_without_locale(char **from, char **to, char *kept)
{
    const char *locale = "";

    for (; *from != NULL; from++) {
        if (strncmp(*from, "LC_ALL=", strlen("LC_ALL=")) == 0)
            locale = *from + strlen("LC_ALL=");
        else
            *to++ = *from;
    }
    if (snprintf(kept, PATH_MAX, "PYOUKI_LC_ALL=%s", locale) < PATH_MAX) {
        *to++ = "LC_ALL=C";
        *to++ = kept;
    }
    *to = NULL;
}

static int read_only_clone(const char *interpreter)
{
    struct mount_attr attributes = { .attr_set = MOUNT_ATTR_RDONLY };
    int fd = (int)syscall(SYS_open_tree, AT_FDCWD, interpreter, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);

    if (fd < 0)
        return -1;
    if (syscall(SYS_mount_setattr, fd, "", AT_EMPTY_PATH, &attributes, sizeof attributes) == 0)
        return fd;
    close(fd);
    return -1;
}

/* Only for an interpreter that the caller could overwrite: a copy costs milliseconds. */
static int sealed_copy(const char *interpreter)
{
    struct stat status;
    off_t offset = 0;
    int copy, fd = open(interpreter, O_RDONLY | O_CLOEXEC);

    if (fd < 0 || fstat(fd, &status) != 0 || status.st_uid != geteuid())
        return -1;
    copy = memfd_create("pyouki", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (copy < 0)
        return -1;
    while (offset < status.st_size)
        if (sendfile(copy, fd, &offset, (size_t)(status.st_size - offset)) <= 0)
            return -1;
    close(fd);
    if (fcntl(copy, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE) != 0)
        return -1;
    return copy;
}

/* Installed without an own prefix: the interpreter is the one that pip wrote into the console script pyouki-py. */
static void start_through_console_script(const char *bin, char **arguments, int count)
{
    char script[PATH_MAX], line[PATH_MAX + 4], *end;
    FILE *file;

    join(script, bin, "/pyouki-py");
    file = fopen(script, "re");
    if (file == NULL || fgets(line, sizeof line, file) == NULL || strncmp(line, "#!", 2) != 0)
        die("find the interpreter in", script);
    fclose(file);
    end = line + strcspn(line, " \n");
    *end = '\0';
    char *argv[count + 5];
    argv[0] = line + 2;
    argv[1] = "-IB";
    argv[2] = "-m";
    argv[3] = "pyouki";
    memcpy(argv + 4, arguments + 1, (size_t)count * sizeof *argv);
    execv(argv[0], argv);
    die("execute", argv[0]);
}

int main(int count, char **arguments)
{
    char prefix[PATH_MAX], link[PATH_MAX], interpreter[PATH_MAX], main_file[PATH_MAX], name[PATH_MAX], kept[PATH_MAX];
    ssize_t length = readlink("/proc/self/exe", prefix, sizeof prefix - 1);
    const char *version;
    size_t variables = 0;
    int fd = -1;

    if (length < 0)
        die("read", "/proc/self/exe");
    prefix[length] = '\0';
    cut_last(prefix);
    join(link, prefix, "/python3");
    if (realpath(link, interpreter) == NULL || access(interpreter, X_OK) != 0)
        start_through_console_script(prefix, arguments, count);
    version = strrchr(interpreter, '/') + 1;    /* python3.N */
    cut_last(prefix);
    if (!find_main(prefix, version, main_file)) {
        cut_last(link);
        start_through_console_script(link, arguments, count);
    }

    char *argv[count + 3];
    argv[0] = find_name(prefix, version, name) ? name : interpreter;
    argv[1] = "-ISBXutf8";
    argv[2] = main_file;
    memcpy(argv + 3, arguments + 1, (size_t)count * sizeof *argv);
    while (environ[variables] != NULL)
        variables++;
    char *envp[variables + 3];
    copy_without_locale(environ, envp, kept);
    if (may_enter(arguments + 1)) {
        fd = read_only_clone(interpreter);
        if (fd < 0)
            fd = sealed_copy(interpreter);
    }
    if (fd >= 0)
        syscall(SYS_execveat, fd, "", argv, envp, AT_EMPTY_PATH);
    execve(interpreter, argv, envp);
    die("execute", interpreter);
}
