#!/usr/bin/env python3
"""Solves the programmes that `cargo bench --bench models -- DIRECTORY` wrote with HiGHS.

Usage: highs.py DIRECTORY [SECONDS]. Needs `pip install highspy`. Prints for each programme the
optimum that HiGHS proves (or what it has after SECONDS, 300 unless told), and beside it what our
solver found and proved for all criteria together.
"""

import csv
import pathlib
import sys
import time

import highspy


def solve(path, seconds):
    """Objective, bound and seconds of a programme."""
    highs = highspy.Highs()
    highs.setOptionValue("output_flag", False)
    highs.setOptionValue("time_limit", float(seconds))
    highs.setOptionValue("threads", 2)
    highs.setOptionValue("mip_rel_gap", 0.0)
    highs.setOptionValue("mip_abs_gap", 0.99)
    highs.readModel(str(path))
    start = time.monotonic()
    highs.run()
    info = highs.getInfo()
    return info.objective_function_value, info.mip_dual_bound, time.monotonic() - start


def main():
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    directory = pathlib.Path(sys.argv[1])
    seconds = float(sys.argv[2]) if len(sys.argv) > 2 else 300
    print(f"{'programme':32} {'HiGHS':>10} {'bound':>10} {'s':>7} | {'ours':>10} {'bound':>10} {'s':>7}  faster")
    for name, value, bound, ours in csv.reader((directory / "ours.csv").open()):
        found, proven, theirs = solve(directory / f"{name}.lp", seconds)
        factor = theirs / max(float(ours), 1e-9)
        print(
            f"{name:32} {found:10.0f} {proven:10.0f} {theirs:7.2f} | "
            f"{int(value):10} {int(bound):10} {float(ours):7.2f}  {factor:5.1f}x",
            flush=True,
        )


if __name__ == "__main__":
    main()
