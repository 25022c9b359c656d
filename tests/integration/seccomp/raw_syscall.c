/*
 * Makes one system call by number and prints what the kernel returned: a value, or a negative errno.
 *
 *   raw_syscall native NR [ARG...]
 *   raw_syscall i386   NR [ARG...]     through int 0x80, with up to three arguments below 4 GiB
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <errno.h>
#include <sys/syscall.h>

static long i386_call(long number, long a, long b, long c)
{
#ifdef __x86_64__
    long result;

    __asm__ volatile("int $0x80" : "=a"(result) : "0"(number), "b"(a), "c"(b), "d"(c)
                     : "r8", "r9", "r10", "r11", "memory");
    return (int)result;
#else
    (void)number, (void)a, (void)b, (void)c;
    exit(3);
#endif
}

int main(int count, char **words)
{
    long arguments[6] = { 0 };
    long number, result;

    if (count < 3 || count > 9)
        return 2;
    number = strtol(words[2], NULL, 0);
    for (int i = 3; i < count; i++)
        arguments[i - 3] = (long)strtoul(words[i], NULL, 0);
    if (!strcmp(words[1], "i386")) {
        result = i386_call(number, arguments[0], arguments[1], arguments[2]);
    } else {
        result = syscall(number, arguments[0], arguments[1], arguments[2], arguments[3], arguments[4], arguments[5]);
        if (result == -1)
            result = -errno;
    }
    printf("%ld\n", result);
    return 0;
}
