# What test/system/queue_live.sh asks of the JSON that weft prints. usage: QUESTION FOLDER [POLICY SECONDS]
# FOLDER holds live.json, events.json and history.json.
import csv
import datetime
import json
import sys

question, work = sys.argv[1], sys.argv[2]
vms = {v["name"]: v for v in json.load(open(work + "/live.json"))}


def events(kind):
    """The first event of a kind of each machine: [(time, name)], in their order."""
    seen = {}
    for line in open(work + "/events.json"):
        event = json.loads(line)
        if event.get("event") == kind and event.get("object") in vms:
            seen.setdefault(event["object"], datetime.datetime.fromisoformat(event["time"].replace("Z", "+00:00")).timestamp())
    return [(time, name) for name, time in seen.items()]


if question == "sums":
    for v in vms.values():
        rest = v["turnaround_s"] - v["waiting_s"] - v["service_s"]
        if abs(rest) > 1e-6 or v["service_s"] < 5:
            sys.exit(f"{v}")
elif question == "history":
    # One row for each machine, the same times as live, and the very sum.
    runs = {r["name"]: r for r in json.load(open(work + "/history.json"))}
    for name, v in vms.items():
        r = runs.get(name, {"turnaround_s": -1, "waiting_s": 0, "service_s": 0})
        if abs(r["turnaround_s"] - v["turnaround_s"]) > 1e-6 or abs(r["turnaround_s"] - r["waiting_s"] - r["service_s"]) > 1e-6:
            sys.exit(f"{v} {r}")
    sys.exit(len(runs) != len(vms))
elif question == "served":
    # 7.5, 8.5 or 9.5 s: with slices of 6 s well within the second one, however long the order takes.
    print(*(n for n, v in vms.items() if v["state"] == "running" and v["service_s"] >= 7.5 + int(n[1:]) % 3))
elif question == "ended":
    sys.exit(any(v["state"] != "stopped" for v in vms.values()))
elif question == "trace":
    # Milliseconds in place of seconds: the scheduler counts in whatever it is given.
    arrivals = sorted(events("vm-waiting"))
    with open(work + "/trace.csv", "w") as out:
        print("id,arrival_s,vcpus,memory_mib,duration_s,estimate_s,priority,user", file=out)
        for time, name in arrivals:
            v, ms = vms[name], round(vms[name]["service_s"] * 1000)
            print(f"{name[1:]},{round((time - arrivals[0][0]) * 1000)},{v['cpus']},{v['memory_mib']},{ms},{ms},{v['priority']},u", file=out)
elif question == "compare":
    worst, simulated = 0.0, []
    for row in csv.DictReader(open(work + "/simulated.csv")):
        v = vms["h" + row["id"]]
        simulated.append((int(row["start"]), -v["priority"] if "priority" in sys.argv[3] else 0, int(row["id"])))
        print(f"h{row['id']}: turnaround {v['turnaround_s']:.1f} s, simulated {int(row['turnaround']) / 1000:.1f} s, slices {row['slices']}")
        worst = max(worst, abs(v["turnaround_s"] - int(row["turnaround"]) / 1000), abs(v["waiting_s"] - int(row["waiting"]) / 1000))
    expected = [f"h{i}" for _, _, i in sorted(simulated)]
    started = [name for _, name in events("vm-starting")]
    print(f"largest difference {worst:.2f} s; started {started}, simulated {expected}")
    # Machines that start in the same tenth of a second may do so in either order: live they come one message after the other.
    starts = {f"h{i}": start for start, _, i in simulated}
    ordered = sorted(started) == sorted(expected) and all(starts[a] <= starts[b] + 100 for a, b in zip(started, started[1:]))
    sys.exit(worst > float(sys.argv[4]) or not ordered)
