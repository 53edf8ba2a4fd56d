"""First come, first served in SimPy, beside what sched_bench measured in the same run: usage sched_simpy.py OURS (lines of sched_bench)."""
import json
import random
import sys
import time

try:
    import simpy
except ImportError:
    print("simpy (package python3-simpy3) is not installed: no comparison", file=sys.stderr)
    sys.exit(0)

REQUESTS = 50000
VCPUS = 100


def request(environment, host, vcpus, duration):
    """One machine: a Container serves its queue strictly in order, as fcfs does."""
    yield host.get(vcpus)
    yield environment.timeout(duration)
    yield host.put(vcpus)


def arrivals(environment, host, requests):
    for arrival, vcpus, duration in requests:
        yield environment.timeout(arrival - environment.now)
        environment.process(request(environment, host, vcpus, duration))


def main():
    rand = random.Random(7)
    requests, now = [], 0
    for _ in range(REQUESTS):
        now += rand.randrange(30)
        requests.append((now, rand.randrange(1, 9), rand.randrange(1, 601)))
    before = time.process_time()
    environment = simpy.Environment()
    host = simpy.Container(environment, VCPUS, init=VCPUS)
    environment.process(arrivals(environment, host, requests))
    environment.run()
    each = (time.process_time() - before) / REQUESTS * 1e9
    with open(sys.argv[1], encoding="utf-8") as lines:
        ours = next(row for row in map(json.loads, lines) if row.get("policy") == "fcfs" and row["trace"] == "made-up")
    print(json.dumps({"trace": "made-up", "policy": "fcfs in SimPy " + simpy.__version__, "requests": REQUESTS, "ns_per_request": round(each),
                      "ratio": round(each / ours["ns_per_request"], 1)}))


main()
