"""What is run on a board over ssh: programs for any POSIX sh, busybox's as well.

The login shell sees them in single quotes, and may be fish or csh: no line breaks, backslashes, single quotes and `!`.
"""

# $1 is what stands on standard output before and after a program's own words. Whatever else is there was printed by
# the login. The program runs in the root folder, in English, and leaves no core files. What it started ends with it.
_BEGIN = (
    "mark=$1; shift; cd /; ulimit -c 0; LC_ALL=C; export LC_ALL; echo; echo $mark begins; "
    'exec 3<&0; own=; command -v setsid >/dev/null && own=setsid; $own "$@"'
)
_END = "exec 3<&-; wait $program; status=$?; exec 2>/dev/null; kill -KILL -$program; echo; echo $mark ends $status"

# For a program that is given data.
RUN_WITH_DATA = f"{_BEGIN} <&3 3<&- & program=$!; {_END}"

# For a program without: standard input ends when the connection does, or this side gave up, and then the program is
# killed with all that it started.
RUN = (
    f"{_BEGIN} </dev/null 3<&- & program=$!; "
    "{ cat <&3; kill -KILL -$program || kill -KILL $program; } >/dev/null 2>&1 & watch=$!; "
    f"{_END}; kill $watch"
)

_TEMPORARY_PLACES = '"${TMPDIR:-/tmp}" /tmp /var/tmp "$HOME"'

# Holds the connection open, and removes all temporary folders of it when it ends, in whichever way. It reads their
# token, since command lines are public. Who saw it in a folder's name may have made others of such names: those stay,
# where the shell's `test` knows -O.
GUARD = (
    'trap "" HUP INT TERM PIPE; read -r token || exit 1; echo; echo $token is here; cat >/dev/null; '
    f'failed=0; for place in {_TEMPORARY_PLACES}; do for folder in "$place"/$token-*; do '
    '[ -O "$folder" ]; [ $? = 1 ] || [ -L "$folder" ] && continue; '
    'rm -rf "$folder" || { sleep 1; rm -rf "$folder"; } || failed=1; done; done; exit $failed'
)

# Makes a private folder of the name $1 where programs may be started, which administrators forbid in some places.
MAKE_TEMPORARY = (
    f"umask 077; for place in {_TEMPORARY_PLACES}; do "
    'folder=${place%/}/$1; mkdir "$folder" || continue; echo exit 0 >"$folder/try" && chmod 700 "$folder/try" && '
    '"$folder/try" && rm "$folder/try" && echo "$folder" && exit 0; rm -rf "$folder"; done; exit 1'
)

ABSENT = 3  # exit code: nothing of that name
_STANDS = '[ -e "$1" ] || [ -L "$1" ]'
EXISTS = f"{_STANDS} || exit {ABSENT}"
HOME = 'cd && echo "$PWD"'
LIST = (
    f'{_STANDS} || exit {ABSENT}; [ -d "$1" ] || {{ echo ": Not a directory" >&2; exit 1; }}; cd "$1" || exit 1; '
    '[ -r . ] || { echo ": Permission denied" >&2; exit 1; }; '
    "for name in * .*; do case $name in .|..) continue;; esac; "
    'if [ -e "$name" ] || [ -L "$name" ]; then printf "%s/" "$name"; fi; done'
)
# $2 is a folder to make first, or empty. The second mkdir says why the first one failed.
MAKE_FOLDER = (
    '[ -z "$2" ] || mkdir -p -- "$2" || exit 1; mkdir -- "$1" 2>/dev/null && exit 0; '
    f'if {_STANDS}; then exit {ABSENT}; fi; mkdir -- "$1"'
)
READ_LINK = f'[ -L "$1" ] || exit {ABSENT}; readlink "$1"'
REMOVE_TREE = 'rm -rf -- "$1"'

# Finds the reason that sftp does not tell. $1 is the folder to write to, $2 what is in the way if it is there (or
# empty), $3 how many KB there must be room for.
WHY = (
    '(: >"$1/.edgequant-$$") 2>&1 || exit; rm -f "$1/.edgequant-$$"; '
    'free=$(df -P -k "$1" | { read -r head; read -r disk size used free rest; echo "$free"; }); '
    '[ "$free" -gt "$3" ] || { echo ": No space left on device"; exit; }; '
    'if [ -d "$2" ] && [ ! -L "$2" ]; then echo ": Is a directory"; '
    'elif [ -e "$2" ] || [ -L "$2" ]; then echo ": File exists"; fi'
)
