"""The benchmarks of sip/msg beside those of the same name in scripts/bench/parse, which use sipgo."""
import os
import re
import statistics
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.dirname(os.path.dirname(HERE))

# The bar: our time as a share of theirs.
TIME_RATIO_BAR = 0.25
# The two sides take turns this often, each benchmark for so long, so that a busy moment of the machine meets both.
ROUNDS = 11
BENCH_TIME = "0.2s"

PACKAGES = {"gatehouse": os.path.join(TOP, "sip", "msg"), "sipgo": os.path.join(HERE, "parse")}
RESULT = re.compile(r"^(Benchmark\w+?)(?:-\d+)?\s+\d+\s+([\d.]+) ns/op.*?(\d+) B/op\s+(\d+) allocs/op", re.M)


def build(name, work):
    """Compiles a package's benchmarks: each module knows its own dependencies."""
    binary = os.path.join(work, name + ".test")
    subprocess.run(["go", "test", "-c", "-o", binary, "."], cwd=PACKAGES[name], check=True)
    return binary


def check(name, binary):
    """Both sides read and write the same, or their times say nothing."""
    done = subprocess.run([binary, "-test.run", "^TestRewrite_|_BothLibraries_"], cwd=PACKAGES[name], stdout=subprocess.PIPE, text=True)
    if done.returncode or done.stdout.strip() != "PASS":
        sys.exit(f"{name} does something else:\n{done.stdout}")


def one_round(name, binary):
    out = subprocess.run([binary, "-test.run", "^$", "-test.bench", "^BenchmarkParse", "-test.benchtime", BENCH_TIME, "-test.benchmem"],
                         cwd=PACKAGES[name], stdout=subprocess.PIPE, text=True, check=True).stdout
    return {m[1]: dict(ns=float(m[2]), bytes=int(m[3]), allocs=int(m[4])) for m in RESULT.finditer(out)}


def parse(rounds=None):
    rounds = rounds or ROUNDS
    with tempfile.TemporaryDirectory(prefix="gatehouse-bench-") as work:
        binaries = {name: build(name, work) for name in PACKAGES}
        for name, binary in binaries.items():
            check(name, binary)
        runs = {name: [] for name in PACKAGES}
        for _ in range(rounds):
            for name, binary in binaries.items():
                runs[name].append(one_round(name, binary))
    ours, theirs = runs["gatehouse"], runs["sipgo"]
    if not ours[0]:
        sys.exit("no benchmark of ours ran")
    good = True
    print(f"reading and rewriting one INVITE of 1 KB, {rounds} rounds each in turn, median:")
    for bench in ours[0]:
        if bench not in theirs[0]:
            sys.exit(f"{bench} has no counterpart in scripts/bench/parse")
        # The ratio of each round, for what slows the machine slows both sides of one round.
        ratio = statistics.median(o[bench]["ns"] / t[bench]["ns"] for o, t in zip(ours, theirs))
        for name, rs in runs.items():
            print(f"  {bench:22} {name:10} {statistics.median(r[bench]['ns'] for r in rs):8.0f} ns   "
                  f"{rs[-1][bench]['bytes']:5} bytes in {rs[-1][bench]['allocs']} allocations")
        print(f"  {bench:22} ratio {ratio:.3f} (bar {TIME_RATIO_BAR})", flush=True)
        good = good and ratio <= TIME_RATIO_BAR
    return 0 if good else 1
