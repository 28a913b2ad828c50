"""TensorBoard's own reader on a run's events: every number of metrics.jsonl, at its step, and nothing else."""
import json
import math
import pathlib
import sys

from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

run = pathlib.Path(sys.argv[1])
events = EventAccumulator(str(run / "tensorboard"), size_guidance={"scalars": 0})
events.Reload()

expected = {}  # field -> [(step, value)]
base = last = 0
before = None
for line in (run / "metrics.jsonl").read_text().splitlines():
    record = json.loads(line)
    if before is not None and record["round"] != before:
        base += last
    before, last = record["round"], record["step"]
    for field, value in record.items():
        if isinstance(value, list):
            known = [v for v in value if v is not None]
            value = sum(known) / len(known) if known else None
        if field not in ("seq", "step") and isinstance(value, (int, float)) and math.isfinite(value):
            expected.setdefault(field, []).append((base + last, value))

found = {tag.split("/", 1)[1]: [(s.step, s.value) for s in events.Scalars(tag)] for tag in events.Tags()["scalars"]}
assert found.keys() == expected.keys(), (sorted(found), sorted(expected))
for field, values in expected.items():
    assert len(values) == len(found[field]), field
    for (step, value), (step_found, value_found) in zip(values, found[field]):
        assert step == step_found and math.isclose(value, value_found, rel_tol=1e-6, abs_tol=1e-30), (field, step, value)
print(f"{len(expected)} series of {max(map(len, expected.values()))} events")
