# Prints what a computer says of itself, in sections, for any POSIX sh: run here, over ssh, or by hand into a file that
# `edgequant check --from FILE` reads. What is missing (lscpu on Alpine, /proc on macOS) leaves its section empty.
LC_ALL=C
PATH=$PATH:/sbin:/usr/sbin
export LC_ALL PATH
exec 2>/dev/null

section() { printf '\n@@edgequant %s@@\n' "$1"; }

section uname
uname -s
uname -r
uname -m
section lscpu_json
lscpu -J
section lscpu
lscpu
section cpuinfo
cat /proc/cpuinfo
section max_khz
for file in /sys/devices/system/cpu/cpu[0-9]*/cpufreq/cpuinfo_max_freq; do
    if [ -r "$file" ]; then
        cpu=${file#/sys/devices/system/cpu/cpu}
        printf '%s ' "${cpu%%/*}"
        cat "$file"
    fi
done
section long_bit
# Byte 4 of a program is 1 where it is a 32-bit one and 2 where it is a 64-bit one; Alpine may have no getconf.
getconf LONG_BIT || case $(od -An -tx1 -j4 -N1 /proc/self/exe) in
    *01) echo 32 ;;
    *02) echo 64 ;;
esac
section os_release
cat /etc/os-release || cat /usr/lib/os-release
section meminfo
head -n 1 /proc/meminfo
section libc
getconf GNU_LIBC_VERSION || ldd --version 2>&1 | head -n 2
section python
python3 --version 2>&1
section board
tr -d '\000' </proc/device-tree/model
section sysctl
if [ "$(uname -s)" = Darwin ]; then
    sysctl hw.model hw.memsize hw.ncpu hw.optional machdep.cpu.brand_string machdep.cpu.features
    sysctl machdep.cpu.leaf7_features
    sw_vers
fi
section end
