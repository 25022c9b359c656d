# What a container sees of itself, a section for each question; run by busybox's sh as the container's program.
section() { echo "== $1"; }

section mountinfo
cut -d' ' -f4- /proc/self/mountinfo
section status
grep -E '^(Umask|Tgid|NStgid|PPid|TracerPid|Uid|Gid|FDSize|Groups|Threads|SigPnd|SigBlk|SigIgn|SigCgt|Shd|Cap|NoNewPrivs|Seccomp|Speculation|Cpus_allowed_list|Mems_allowed_list)' /proc/1/status
section limits
cat /proc/1/limits
section attr
cat /proc/1/attr/current 2>/dev/null
cat /proc/1/loginuid 2>/dev/null
section ids
cat /proc/1/uid_map /proc/1/gid_map /proc/1/setgroups
section cgroup
cut -d: -f2- /proc/1/cgroup
section sysctls
for name in kernel/hostname kernel/domainname kernel/msgmax kernel/msgmnb kernel/sem kernel/shmmax \
    fs/mqueue/msg_max net/ipv4/ip_forward net/ipv4/ping_group_range net/ipv4/ip_unprivileged_port_start \
    net/core/somaxconn; do
    echo "$name $(cat /proc/sys/$name)"
done
section dev
for path in /dev/* /dev/pts /dev/pts/*; do
    stat -c '%N %F %a %u %g %t %T' "$path"
done
section environment
tr '\0' '\n' < /proc/1/environ
section arguments
tr '\0' ' ' < /proc/1/cmdline
section descriptors
for number in 0 1 2 3 4 5 6 7 8 9; do
    readlink /proc/1/fd/$number
done
section attributes
for name in oom_score_adj personality timerslack_ns coredump_filter; do
    echo "$name $(cat /proc/1/$name 2>/dev/null)"
done
probe schedattr
probe ioprio
probe dumpable
section keyring
probe keyring
section place
pwd
umask
cat /proc/1/stat | cut -d' ' -f4-8
section network
grep : /proc/net/dev | cut -d: -f1
section root
ls -a /
section writable
for path in / /proc /proc/sys /sys /sys/fs/cgroup /dev /dev/shm /tmp /proc/sysrq-trigger /proc/irq /proc/bus; do
    test -w $path && echo "$path yes" || echo "$path no"
done
section masked
for path in /proc/acpi /proc/kcore /proc/keys /proc/timer_list /proc/sched_debug /proc/scsi /sys/firmware; do
    stat -c '%n %F %a %t %T' $path 2>/dev/null
done
true
