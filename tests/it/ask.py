"""ask.py SHELL PLACE LINE - what bash or zsh at a terminal makes of LINE and a tab.

PLACE is bash's completion file or zsh's folder of functions."""
import os, pty, re, select, sys, time
shell, folder, line = sys.argv[1:4]
pid, fd = pty.fork()
if pid == 0:
    os.environ.update(PS1="READY> ", TERM="dumb", COLUMNS="200")
    if shell == "bash":
        os.execvp("bash", ["bash", "--norc", "--noprofile", "-i"])
    os.execvp("zsh", ["zsh", "-f", "-i"])
setup = {
    "bash": "source '%s'; bind 'set bell-style none'; bind 'set enable-bracketed-paste off'; bind 'set page-completions off'; bind 'set show-all-if-ambiguous on'; PS1='GO''> '; stty cols 200\n",
    "zsh": "fpath=('%s' $fpath); autoload -U compinit; compinit -D -u; unsetopt beep prompt_sp zle_bracketed_paste; setopt list_ambiguous; LISTMAX=1000; stty cols 200; zstyle ':completion:*' list-prompt ''; PROMPT='GO''> '\n",
}[shell] % folder
def read(until, limit):
    data, end = b"", time.time() + limit
    while time.time() < end and not until(data):
        if select.select([fd], [], [], 0.1)[0]:
            try:
                data += os.read(fd, 65536)
            except OSError:
                break
    return data
read(lambda d: b"> " in d or b"% " in d or b"# " in d, 5)
os.write(fd, setup.encode())
read(lambda d: b"\nGO> " in d or b"\rGO> " in d, 10)
os.write(fd, line.encode() + b"\t")
# Nothing says that a shell is done: it is once it was quiet for a while.
out, quiet = b"", 0
while quiet < 15:
    more = read(lambda d: bool(d), 0.1)
    quiet = 0 if more else quiet + 1
    out += more
os.close(fd)
print(re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]|\x07|\r", "", out.decode(errors="replace")))
