# SPDX-License-Identifier: GPL-2.0-or-later
"""Processes by the control group that they are in: paths, units, containers. The groups are made by hand,
named as systemd and container engines name theirs."""

import os
import shutil
import subprocess

from harness import (TARGETS, Process, Skip, Target, case, check, conserved, counted, equal, need, wait_until, work)

BESIDE = True  # harness.py

# Other runs on this machine have names of their own.
RUN = os.getpid()
ID = f"{RUN:08x}" * 8
OTHER_ID = f"{RUN:08x}" + "f" * 56


def _mounted(kind, option=None):
    """Where a hierarchy of control groups is mounted whole, or None."""
    with open("/proc/self/mountinfo", encoding="utf-8") as mounts:
        for line in mounts:
            words, _, rest = line.partition(" - ")
            root, point = words.split()[3:5]
            name, _, options = rest.split()[:3]
            if name == kind and root == "/" and (not option or option in options.split(",")):
                return point
    return None


class Groups:
    """Control groups below one of the case's own, which go when the case is over."""

    def __init__(self, t, root=None):
        self.t = t
        self.root = root or _mounted("cgroup2") or self._mount()
        self.slice = f"/lapse-test-{RUN}.slice"
        self.made = set()

    def _mount(self):
        point = self.t.path("cgroup")
        os.mkdir(point)
        if subprocess.run(["mount", "-t", "cgroup2", "none", point], check=False).returncode:
            raise Skip("no control groups of version 2 here")
        self.t.defer(subprocess.run, ["umount", point])
        return point

    def _make(self, path):
        if path in ("", "/") or path in self.made:
            return
        self._make(os.path.dirname(path))
        try:
            os.mkdir(self.root + path)
        except OSError as error:
            raise Skip(f"no control group can be made: {error}") from None
        self.made.add(path)
        # A group is busy until the last of its processes has been waited for.
        self.t.defer(self._remove, path)

    def _remove(self, path):
        def removed():
            try:
                os.rmdir(self.root + path)
            except FileNotFoundError:
                pass
            except OSError:
                return False
            return True

        wait_until(removed, f"{path} to be empty")

    def make(self, name):
        """The path of NAME below the case's slice."""
        path = f"{self.slice}/{name}"
        self._make(path)
        return path

    def remove(self, path):
        self._remove(path)
        self.made.remove(path)

    def move(self, pid, path):
        with open(f"{self.root}{path}/cgroup.procs", "w", encoding="ascii") as file:
            file.write(f"{pid}\n")

    def target(self, path, *argv):
        """A program that is in the group from its first instruction on."""
        return self.t.target(*argv, preexec_fn=lambda: self.move(0, path))


def _counted(tracer, name, calls):
    """Of a program that begins later, what it calls before its libraries have been judged is counted as
    missed; how much that is depends on how soon lapse gets a processor."""
    missed = tracer.final()["integrity"]["kernel_missed"]
    counted(tracer.component(name), calls - missed, name)
    conserved(tracer.final())
    return missed


def _timed(groups, path, calls, program="timed"):
    return groups.target(path, program, "--calls", calls, "--ns", "5us")


@case()
def path_and_below(t):
    """Those in the group and below it are meant; not who is beside it, though its name begins alike."""
    groups = Groups(t)
    web = groups.make("web")
    inside = [_timed(groups, web, 100), _timed(groups, groups.make("web/workers"), 50)]
    beside = [_timed(groups, groups.make("web2"), 1000), t.target("timed", "--calls", 1000, "--ns", "5us")]
    tracer = t.lapse("stat", "--cgroup", web, "work_push", "--json")
    check(any(f"in every process in control group {web}" in line for line in tracer.err), tracer.last_words())
    work(*beside, *inside)
    tracer.stop()
    counted(tracer.component("work_push"), 150, "work_push")
    conserved(tracer.final())


@case()
def path_of_the_file_system(t):
    """The path as a shell completes it, with the mount point."""
    groups = Groups(t)
    web = groups.make("web")
    target = _timed(groups, web, 100)
    tracer = t.lapse("stat", "--cgroup", groups.root + web + "/", "work_push", "--json")
    check(any(f"in control group {web}" in line for line in tracer.err), tracer.last_words())
    work(target)
    tracer.stop()
    counted(tracer.component("work_push"), 100, "work_push")


@case()
def first_version(t):
    """A host whose service manager has the hierarchy of version 1."""
    root = _mounted("cgroup", "name=systemd") or _mounted("cgroup", "pids")
    if not root:
        raise Skip("no control groups of version 1 here")
    groups = Groups(t, root)
    web = groups.make(f"web{RUN}.service")
    present = _timed(groups, web, 100)
    tracer = t.lapse("stat", "--unit", f"web{RUN}", "work_push", "--json")
    future = _timed(groups, web, 50)
    tracer.wait_line(rf"process {future.pid} .* has come", tracer.err)
    work(present, future)
    tracer.stop()
    check(_counted(tracer, "work_push", 150) < 150, "all calls were missed")


@case()
def unit_restarted(t):
    """The service stops, its group goes, and it starts in a new one: it is picked up."""
    groups = Groups(t)
    unit = groups.make(f"web{RUN}.service")
    path = shutil.copy(os.path.join(TARGETS, "timed"), t.path("web"))
    first = _timed(groups, unit, 100, path)
    tracer = t.lapse("stat", "--unit", f"web{RUN}", "work_push", "--json")
    work(first)
    groups.remove(unit)
    groups.make(f"web{RUN}.service")
    second = _timed(groups, unit, 50, path)
    tracer.wait_line(rf"process {second.pid} .* has come", tracer.err)
    work(second)
    check(tracer.running(), "it ended with the service")
    tracer.stop()
    check(_counted(tracer, "work_push", 150) < 150, "all calls were missed")


@case()
def unit_of_a_user(t):
    groups = Groups(t)
    target = _timed(groups, groups.make(f"user-7.slice/user@7.service/app.slice/lapse-sync{RUN}.service"), 100)
    other = _timed(groups, groups.make(f"user-7.slice/user@7.service/app.slice/lapse-sync2{RUN}.service"), 1000)
    tracer = t.lapse("stat", "--unit", f"lapse-sync{RUN}.service", "work_push", "--json")
    work(other, target)
    tracer.stop()
    counted(tracer.component("work_push"), 100, "work_push")


@case()
def unit_that_comes_later(t):
    """Nobody is in it yet: it is waited for; a name that is nearly another unit's is pointed at."""
    groups = Groups(t)
    groups.make(f"lapse-later{RUN}.service")
    near = _timed(groups, groups.make(f"lapse-latter{RUN}.service"), 1000)
    tracer = t.lapse("stat", "--unit", f"lapse-later{RUN}", "work_push", "--json", wait=False)
    line = tracer.wait_line(f"waiting for a process of unit lapse-later{RUN}.service(.*)", tracer.err)
    equal(line[1], f"; nearest is 'lapse-latter{RUN}.service'", "what it points at")
    target = _timed(groups, f"{groups.slice}/lapse-later{RUN}.service", 100)
    tracer.tracing()
    work(near, target)
    tracer.stop()
    check(_counted(tracer, "work_push", 100) < 100, "all calls were missed")


@case()
def backends_forked_later(t):
    """Children are in the group that their parent is in, also those that run another program."""
    groups = Groups(t)
    unit = groups.make(f"pool{RUN}.service")
    for how in ([], ["--exec"]):
        target = groups.target(unit, "spawner", "--children", 3, "--calls", 100, "--own", 7, *how)
        tracer = t.lapse("stat", "--unit", f"pool{RUN}", "child_work", "--json")
        work(target)
        tracer.stop()
        check(_counted(tracer, "child_work", 307) < 307, "all calls were missed")


@case()
def moved_in_and_out(t):
    """A process that is running is moved in, and is measured from then on; and moved out again."""
    groups = Groups(t)
    unit = groups.make(f"web{RUN}.service")
    elsewhere = groups.make("else")
    anchor = _timed(groups, unit, 10)
    shell = t.process("/bin/bash", "-c", "while read line; do /bin/true; echo done; done")
    tracer = t.lapse("stat", "--unit", f"web{RUN}", "syscall:wait4", "--json")

    def rounds(n):
        before = len(shell.out)
        shell.send("\n" * n)
        wait_until(lambda: len(shell.out) == before + n, "the shell's rounds")

    rounds(5)
    groups.move(shell.pid, unit)
    tracer.wait_line(rf"process {shell.pid} \(bash\) has come", tracer.err)
    rounds(7)
    groups.move(shell.pid, elsewhere)
    tracer.wait_line(rf"process {shell.pid} \(bash\) has moved elsewhere", tracer.err)
    rounds(11)
    work(anchor)
    tracer.stop()
    # Each child is waited for, and then it is asked whether there is another one.
    calls = tracer.component("wait4")["count"]
    check(7 <= calls <= 15, f"{calls} calls of wait4 for seven children")
    shell.end()


@case()
def begun_in_the_group(t):
    """A child that is made right in the group (CLONE_INTO_CGROUP) has never moved there."""
    groups = Groups(t)
    unit = groups.make(f"web{RUN}.service")
    source = t.write("into.c", """
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/sched.h>
#include <signal.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
int main(int argc, char **argv)
{
	struct clone_args args = {.flags = CLONE_INTO_CGROUP, .exit_signal = SIGCHLD};
	int status;
	args.cgroup = open(argv[1], O_PATH | O_DIRECTORY);
	pid_t pid = syscall(SYS_clone3, &args, sizeof(args));
	if (pid == 0) {
		execv(argv[2], argv + 2);
		_exit(9);
	}
	if (pid < 0)
		return 8;
	waitpid(pid, &status, 0);
	return WEXITSTATUS(status);
}
""")
    subprocess.run([need("cc"), "-o", t.path("into"), source], check=True)
    anchor = _timed(groups, unit, 10)
    if _mounted("cgroup2") is None and not os.path.exists(groups.root):
        raise Skip("no control groups of version 2 here")
    tracer = t.lapse("stat", "--unit", f"web{RUN}", "work_push", "--json")
    target = t.started(Target([t.path("into"), groups.root + unit, os.path.join(TARGETS, "timed"), "--calls", "100",
                               "--ns", "5us"]))
    tracer.wait_line(rf"process {target.inner_pid} .* has come", tracer.err)
    work(target, anchor)
    tracer.stop()
    check(_counted(tracer, "work_push", 110) < 110, "all calls were missed")


@case()
def containers(t):
    """By the beginning of the id, as the engines name their groups; an ambiguous one names them."""
    groups = Groups(t)
    forms = [f"docker-{ID}.scope", f"libpod-{ID}.scope/container", f"kubepods.slice/cri-containerd-{ID}.scope",
             f"docker/{ID}"]
    inside = [_timed(groups, groups.make(form), 10) for form in forms]
    helper = _timed(groups, groups.make(f"libpod-conmon-{ID}.scope"), 1000)
    other = _timed(groups, groups.make(f"docker-{OTHER_ID}.scope"), 1000)
    ended = t.lapse_ends("stat", "--container", ID[:8], "work_push")
    equal(ended.popen.returncode, 4, "exit code for an ambiguous id")
    for name in (ID[:16], OTHER_ID[:16], "give more digits"):
        check(name in ended.err[-1], ended.last_words())
    tracer = t.lapse("stat", "--container", ID[:12], "work_push", "--json")
    check(any(f"in every process of container {ID[:12]}" in line for line in tracer.err), tracer.last_words())
    work(*inside, helper, other)
    tracer.stop()
    counted(tracer.component("work_push"), 40, "work_push")


@case()
def nobody_is_meant(t):
    """What cannot be told from a container's id, or is nowhere, is an error that says what would be right."""
    for option, value, code, words in (
            ("--container", "web", 2, "at least 4 of its 64 hexadecimal digits"),
            ("--container", "abc", 2, "at least 4 of its 64 hexadecimal digits"),
            ("--container", "fedcba9876543210", 4, "no process is in a container whose id begins with 'fedcba9876543210'"),
            ("--cgroup", "system.slice", 2, "/system.slice/web.service"),
            ("--unit", "backup.timer", 2, "a unit that has processes"),
            ("--unit", "lapse-never-there", 4, "has come before the time was up")):
        ended = t.lapse_ends("stat", option, value, "work_push", "-d", "300ms")
        equal(ended.popen.returncode, code, f"exit code for {option} {value}")
        check(words in ended.err[-1], ended.last_words())
    ended = t.lapse_ends("stat", "--unit", "a", "-p", os.getpid(), "work_push")
    equal(ended.popen.returncode, 2, "exit code for two ways to say who is meant")
    check("give one of" in ended.err[-1], ended.last_words())
    ended = t.lapse_ends("stat", "--unit", "a", "--cgroup", "/a", "work_push")
    equal(ended.popen.returncode, 2, "exit code for two groups")
    check("at a time" in ended.err[-1], ended.last_words())


@case()
def namespace_of_its_own(t):
    """From inside of a cgroup namespace paths begin at its root, and lapse says so where it finds nobody."""
    need("unshare")
    groups = Groups(t)
    box = groups.make("box")
    target = _timed(groups, groups.make("box/web.service"), 100)
    script = 'echo $$ > "$1"; shift; exec unshare --cgroup "$@"'
    inside = ["/bin/sh", "-c", script, "sh", f"{groups.root}{box}/cgroup.procs", os.path.join(TARGETS, "..", "lapse")]
    ended = t.started(Process([*inside, "list", "--unit", "elsewhere"]))
    equal(ended.wait(), 4, "exit code")
    check("cgroup namespace of its own" in ended.err[-1], ended.last_words())
    # A path from that root.
    listing = t.started(Process([*inside, "list", "--cgroup", "/web.service", "work_push"]))
    equal(listing.wait(), 0, "exit code")
    check(any("work_push" in line for line in listing.out), "the function is not listed")
    target.finish(2)


@case()
def other_verbs(t):
    """list, doctor, check, trace and the first minute take them too."""
    groups = Groups(t)
    unit = groups.make(f"lapse-verbs{RUN}.service")
    target = groups.target(unit, "timed", "--calls", 300, "--ns", "5ms")
    listing = t.lapse_ends("list", "--unit", f"lapse-verbs{RUN}", "work_push")
    equal(listing.popen.returncode, 0, "exit code of list")
    check(any("work_push" in line for line in listing.out), "the function is not listed")
    doctor = t.lapse_ends("doctor", "--cgroup", unit)
    check(any(f"{target.pid} (" in line for line in doctor.out), "doctor does not look at the process")
    contract = t.write("c.yaml", "lapse: 1\ncomponents:\n  a:\n    measure: work_push\n    contract: {max_latency: 1s}\n")
    checked = t.lapse_ends("check", contract, "--unit", f"lapse-verbs{RUN}")
    equal(checked.popen.returncode, 0, "exit code of check")
    check(any("work_push in timed" in line for line in checked.out), "\n".join(checked.out))
    tracer = t.lapse("trace", "--unit", f"lapse-verbs{RUN}", "work_push", "--slower", "1ms", "--json")
    target.go()
    wait_until(lambda: tracer.objects("span"), "a span")
    tracer.stop()
    first = t.lapse_ends("--unit", f"lapse-verbs{RUN}", "-d", "500ms")
    equal(first.popen.returncode, 0, "exit code of the first minute")
    check(any(f"PID {target.pid}" in line for line in first.err + first.out), first.last_words())
    target.done()
    target.finish()


@case()
def first_minute_of_a_restart(t):
    """The first minute sees a process that has come to the unit since it began."""
    groups = Groups(t)
    unit = groups.make(f"lapse-first{RUN}.service")
    anchor = _timed(groups, unit, 10)
    first = t.lapse("--unit", f"lapse-first{RUN}", "-d", "30s", "--json", wait=False)
    first.wait_line("looking for", first.err)
    target = groups.target(unit, "timed", "--calls", 400, "--ns", "5ms")
    target.go()
    target.done()
    first.signal(2)
    equal(first.wait(), 0, "exit code")
    seen = {thread["pid"]: thread for thread in first.objects("first_thread")}
    check(target.pid in seen, f"{target.pid} is not among {sorted(seen)}")
    check(seen[target.pid]["on_cpu_ns"] > 0, "it is not seen to run")
    target.finish()
    work(anchor)


@case()
def frozen(t):
    """As a paused container is: not idle."""
    groups = Groups(t)
    if not groups.root.startswith("/sys/fs/cgroup"):
        raise Skip("control groups of version 2 are not where they usually are")
    web = groups.make("web")
    target = _timed(groups, web, 10)

    def freeze(word):
        with open(f"{groups.root}{web}/cgroup.freeze", "w", encoding="ascii") as file:
            file.write(word)

    t.defer(freeze, "0")
    freeze("1")
    wait_until(lambda: "frozen 1" in open(f"{groups.root}{web}/cgroup.events", encoding="ascii").read(), "the frost")
    first = t.lapse_ends("--cgroup", web, "-d", "1s")
    first.wait_line(f"not idle but halted: process {target.pid} is frozen with its control group")
    tracer = t.lapse("stat", "--cgroup", web, "work_push", "--json")
    tracer.wait_line(f"warning: process {target.pid} is frozen", tracer.err)
    freeze("0")
    work(target)
    tracer.stop()
    counted(tracer.component("work_push"), 10, "work_push")
