/*
 * container-init: what a created container is while it waits for `start`.
 *
 * Everything that can fail has been done by libcontainer's init in Python; it then executes this program from a sealed
 * memory file, so that a waiting container holds a few pages instead of an interpreter, and so that no file of the
 * host can be reached through /proc/PID/exe. Not for anything but waiting, loading a prepared filter and execve(2).
 *
 *   container-init SOCKET SECCOMP FLAGS PATH ARG...
 *
 *   SOCKET   number of the listening notify socket
 *   SECCOMP  number of a file with a BPF program to load last, or -1
 *   FLAGS    flags of seccomp(2) for it
 *   PATH     program to execute with ARG... and this program's own environment
 *
 * `start` connects and sends one byte. Success is the silent end of that connection (close-on-exec); a failure is
 * written to it as one JSON object before this process exits.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/syscall.h>

#define MAX_INSTRUCTIONS 32768

#if defined(__x86_64__)
__asm__(".globl _start\n_start:\n\txor %ebp, %ebp\n\tmov %rsp, %rdi\n\tand $-16, %rsp\n\tcall wait_and_execute\n");
static long call(long number, long a, long b, long c, long d)
{
    long result;
    register long r10 __asm__("r10") = d;
    __asm__ volatile("syscall" : "=a"(result) : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10) : "rcx", "r11", "memory");
    return result;
}
#elif defined(__aarch64__)
__asm__(".globl _start\n_start:\n\tmov x29, #0\n\tmov x30, #0\n\tmov x0, sp\n\tbl wait_and_execute\n");
static long call(long number, long a, long b, long c, long d)
{
    register long x8 __asm__("x8") = number;
    register long x0 __asm__("x0") = a;
    register long x1 __asm__("x1") = b;
    register long x2 __asm__("x2") = c;
    register long x3 __asm__("x3") = d;
    __asm__ volatile("svc 0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3) : "memory");
    return x0;
}
#elif defined(__riscv)
__asm__(".globl _start\n_start:\n\tmv a0, sp\n\tandi sp, sp, -16\n\tcall wait_and_execute\n");
static long call(long number, long a, long b, long c, long d)
{
    register long a7 __asm__("a7") = number;
    register long a0 __asm__("a0") = a;
    register long a1 __asm__("a1") = b;
    register long a2 __asm__("a2") = c;
    register long a3 __asm__("a3") = d;
    __asm__ volatile("ecall" : "+r"(a0) : "r"(a7), "r"(a1), "r"(a2), "r"(a3) : "memory");
    return a0;
}
#else
#error "write call() and _start for this processor"
#endif

static struct sock_filter program[MAX_INSTRUCTIONS];

static int number_of(const char *text)
{
    int sign = 1, value = 0;

    if (*text == '-') {
        sign = -1;
        text++;
    }
    for (; *text; text++)
        value = value * 10 + (*text - '0');
    return sign * value;
}

static size_t append(char *buffer, size_t length, const char *text)
{
    while (*text)
        buffer[length++] = *text++;
    return length;
}

/* Tell `start` what failed and end. */
static void fail(int connection, const char *code, const char *message, const char *name, long error)
{
    char line[256], digits[12];
    size_t length = 0, digit = sizeof digits - 1;
    unsigned long number = (unsigned long)-error;

    digits[digit] = 0;
    do {
        digits[--digit] = (char)('0' + number % 10);
        number /= 10;
    } while (number);
    length = append(line, length, "{\"code\":\"");
    length = append(line, length, code);
    length = append(line, length, "\",\"message\":\"");
    length = append(line, length, message);
    length = append(line, length, "\",\"syscall\":\"");
    length = append(line, length, name);
    length = append(line, length, "\",\"errno\":");
    length = append(line, length, digits + digit);
    length = append(line, length, "}");
    call(SYS_write, connection, (long)line, (long)length, 0);
    call(SYS_exit_group, 127, 0, 0, 0);
}

/* Wait for a peer that sends a byte; one that hangs up without it is forgotten. */
static int wait_for_start(int listener)
{
    for (;;) {
        long connection = call(SYS_accept4, listener, 0, 0, O_CLOEXEC);
        char byte;

        if (connection == -EINTR || connection == -ECONNABORTED)
            continue;
        if (connection < 0)
            call(SYS_exit_group, 126, 0, 0, 0);
        if (call(SYS_read, connection, (long)&byte, 1, 0) == 1)
            return (int)connection;
        call(SYS_close, connection, 0, 0, 0);
    }
}

static void load_filter(int connection, int file, int flags)
{
    struct sock_fprog filter = { 0, program };
    size_t size = 0;
    long result;

    while ((result = call(SYS_read, file, (long)program + (long)size, (long)(sizeof program - size), 0)) > 0)
        size += (size_t)result;
    if (result < 0)
        fail(connection, "syscall-failed", "read the seccomp filter", "read", result);
    filter.len = (unsigned short)(size / sizeof program[0]);
    result = call(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, (long)&filter, 0);
    if (result < 0)
        fail(connection, "syscall-failed", "load the seccomp filter", "seccomp", result);
}

__attribute__((used, noreturn)) void wait_and_execute(long *stack)
{
    long count = stack[0];
    char **arguments = (char **)(stack + 1);
    char **environment = arguments + count + 1;
    int listener, file, connection;

    if (count < 6)
        call(SYS_exit_group, 125, 0, 0, 0);
    listener = number_of(arguments[1]);
    file = number_of(arguments[2]);
    connection = wait_for_start(listener);
    call(SYS_close, listener, 0, 0, 0);
    if (file >= 0) {
        load_filter(connection, file, number_of(arguments[3]));
        call(SYS_close, file, 0, 0, 0);
    }
    fail(connection, "not-executable", "exec", "execve",
         call(SYS_execve, (long)arguments[4], (long)(arguments + 5), (long)environment, 0));
    __builtin_unreachable();
}
