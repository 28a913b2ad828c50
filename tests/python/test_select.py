"""crc_active.select: what it takes, what it gives back, what it leaves alone."""

import gc
import os
import signal
import sys
import threading
import time

import numpy as np
import pytest

import crc_active

RNG = np.random.default_rng(0)
N, D, C = 200, 12, 4
FEATURES = RNG.normal(size=(N, D)).astype(np.float32)
LOGITS = RNG.normal(size=(N, C)).astype(np.float32)
LABELED = [3, 50, 120]


def picks(*args, **kwargs):
    return crc_active.select(*args, **kwargs).picks.tolist()


REFERENCE = picks(FEATURES, LABELED, 6, group_size=2)


def test_a_result_says_what_was_found():
    found = crc_active.select(FEATURES, LABELED, 6, group_size=2, represents=True)
    assert len(found) == 6 and list(found) == REFERENCE
    assert [len(g.items) for g in found.groups] == [2, 2, 2]
    assert found.scores.shape == (98,) and found.candidates.shape == (98, 2)
    assert found.groups[0].score == found.scores.max()
    assert found.summary.startswith("crc: 3 of 98 groups of 2") and found.facts["rank"] == D + 1
    assert found.represents.items.tolist() == list(range(N))
    assert set(found.represents.by.tolist()) <= set(REFERENCE) | set(LABELED)
    table = found.table()
    assert list(table) == ["item", "group", "score", "stands_for", "mean_distance", "largest_distance"]
    assert table["stands_for"].sum() + sum(np.isin(found.represents.by, LABELED)) == N
    html = found._repr_html_()
    assert "6 items to label next" in html and "<svg" in html and found.summary in html
    assert found.copied == [] and "cpu" in found.device


def test_items_are_int64():
    seen = []
    crc_active.register_acquisition("types", lambda p: seen.append(p) or p.unlabeled[: p.budget])
    crc_active.select(FEATURES, LABELED, 2, labels=[0, 1, 2], acquisition="types")
    found = crc_active.select(FEATURES, LABELED, 2, represents=True)
    for array in (found.picks, found.rows, found.groups[0].items, found.candidates, found.represents.by,
                  seen[0].labeled, seen[0].unlabeled):
        assert type(array[:1].ravel()[0]) is np.int64  # and not long long, which prints as something else


def test_a_table_for_pandas():
    pandas = pytest.importorskip("pandas")
    frame = crc_active.select(FEATURES, LABELED, 4, acquisition="coreset").to_pandas()
    assert isinstance(frame, pandas.DataFrame) and frame["item"].tolist() == picks(FEATURES, LABELED, 4,
                                                                                   acquisition="coreset")


def test_any_order_and_type():
    wide = FEATURES.astype(np.float64)
    assert picks(np.asfortranarray(FEATURES), LABELED, 6, group_size=2) == REFERENCE
    assert picks(np.ascontiguousarray(FEATURES[::-1])[::-1], LABELED, 6, group_size=2) == REFERENCE
    assert picks(np.hstack([FEATURES, FEATURES])[:, :D], LABELED, 6, group_size=2) == REFERENCE
    assert picks(np.repeat(FEATURES, 2, axis=1)[:, ::2], LABELED, 6, group_size=2) == REFERENCE
    assert picks(FEATURES.astype(">f4"), LABELED, 6, group_size=2) == REFERENCE
    assert picks([FEATURES[:70], np.asfortranarray(FEATURES[70:])], LABELED, 6, group_size=2) == REFERENCE
    assert picks(FEATURES.tolist(), LABELED, 6, group_size=2) == picks(wide, LABELED, 6, group_size=2)
    halves = FEATURES.astype(np.float16)
    assert picks(halves, LABELED, 6, group_size=2) == picks(halves.astype(np.float32), LABELED, 6, group_size=2)
    whole = (FEATURES * 100).astype(np.int16)
    assert picks(whole, LABELED, 6, group_size=2) == picks(whole.astype(np.float32), LABELED, 6, group_size=2)


def test_a_copy_is_said():
    def copied(x, **kwargs):
        return crc_active.select(x, LABELED, 2, **kwargs).copied

    assert copied(FEATURES) == copied(FEATURES.astype(np.float64)) == []
    assert copied(np.asfortranarray(FEATURES)) == copied(FEATURES.astype(np.float16)) == ["features"]
    assert copied(FEATURES.astype(">f4")) == copied((FEATURES * 9).astype(int)) == ["features"]
    assert copied(FEATURES, logits=LOGITS.astype(np.float16), acquisition="margin") == ["logits"]


def test_a_memory_map(tmp_path):
    np.save(tmp_path / "h.npy", FEATURES)
    found = crc_active.select(np.load(tmp_path / "h.npy", mmap_mode="r"), LABELED, 6, group_size=2)
    assert found.picks.tolist() == REFERENCE and found.copied == []


def test_features_of_fp32_are_used_where_they_stand():
    seen = []

    def remember(problem):
        seen.append((problem.features.__array_interface__["data"][0], problem.features.base is not None,
                     problem.features.flags.writeable))
        return np.zeros(len(problem.unlabeled))

    crc_active.register_acquisition("remember_address", remember)
    crc_active.select(FEATURES, LABELED, 3, acquisition="remember_address")
    assert seen == [(FEATURES.__array_interface__["data"][0], True, False)]


def test_labelled_items_in_all_their_forms():
    mask = np.zeros(N, bool)
    mask[LABELED] = True
    classes = np.full(N, -1)
    classes[LABELED] = [0, 2, 1]
    for labeled in (LABELED, tuple(LABELED), set(LABELED), np.array(LABELED, np.uint8), LABELED[::-1], mask,
                    mask.tolist(), classes, np.where(classes < 0, np.nan, classes),
                    [None if c < 0 else c for c in classes.tolist()]):
        assert picks(FEATURES, labeled, 6, group_size=2) == REFERENCE
    assert picks(FEATURES, labels=classes, budget=6, group_size=2) == REFERENCE
    assert picks(FEATURES, range(0), 2) == picks(FEATURES, None, 2) == picks(FEATURES, [], 2)
    assert picks(FEATURES, LABELED, 6, group_size=2, unlabeled=~mask) == REFERENCE


def test_classes_follow_the_order_of_the_list():
    arguments = dict(logits=LOGITS, acquisition="galaxy", budget=5)
    one = picks(FEATURES, [3, 50, 120], labels=[0, 2, 1], **arguments)
    assert picks(FEATURES, [120, 3, 50], labels=[1, 0, 2], **arguments) == one
    classes = np.full(N, -1.0)
    classes[[3, 50, 120]] = [0, 2, 1]
    assert picks(FEATURES, classes, **arguments) == one
    assert picks(FEATURES, [50, 3, 120], labels=classes, **arguments) == one


def test_items_have_names():
    ids = np.array([f"image-{k:03d}" for k in range(N)])
    names = [ids[k] for k in REFERENCE]
    for given in (ids, ids.tolist()):
        found = crc_active.select(FEATURES, ids[LABELED], 6, group_size=2, ids=given, represents=True)
        assert found.picks.tolist() == names and found.rows.tolist() == REFERENCE
        assert set(found.represents.by.tolist()) <= set(ids.tolist())
        assert found.to_pandas()["item"].tolist() == found.table()["item"].tolist() if _pandas() else True
    numbers = np.arange(N) * 7 + 1000
    assert picks(FEATURES, numbers[LABELED], 6, group_size=2, ids=numbers) == numbers[REFERENCE].tolist()
    pandas = _pandas()
    if pandas:
        assert picks(FEATURES, ids[LABELED], 6, group_size=2, ids=pandas.Index(ids)) == names


def test_names_are_python_objects():
    def objects(names):
        array = np.empty(N, dtype=object)
        for k, name in enumerate(names):
            array[k] = name
        return array

    mixed = [k if k % 2 else str(k) for k in range(N)]  # 1 and "1" would be one name to NumPy
    tuples = [("site", k) if k % 2 else ("site", str(k), None) for k in range(N)]
    nested = [(f"patient-{k // 10}", k % 10) for k in range(N)]
    for names in (mixed, tuples, nested, [f"{k}\0" for k in range(N)], [k + 0.5 for k in range(N)]):
        labeled = [names[k] for k in LABELED]
        groups = [[names[10], names[11]], [names[12], names[13]], [names[14], names[15]]]
        for ids in (names, tuple(names), objects(names)):
            found = crc_active.select(FEATURES, labeled, 6, group_size=2, ids=ids, represents=True)
            assert found.rows.tolist() == REFERENCE
            assert [type(p) for p in found.picks.tolist()] == [type(names[k]) for k in REFERENCE]
            assert found.picks.tolist() == list(found) == [names[k] for k in REFERENCE]
            assert found.table()["item"].tolist() == [n for g in found.groups for n in g.items.tolist()]
            assert set(found.represents.by.tolist()) <= set(names)
            found = crc_active.select(FEATURES, labeled, 4, ids=ids, candidates=groups)
            assert found.candidates.tolist() == [[10, 11], [12, 13], [14, 15]]
        assert picks(FEATURES, set(labeled), 6, group_size=2, ids=names) == [names[k] for k in REFERENCE]
        mask = np.isin(np.arange(N), LABELED)
        for form in (mask, mask.tolist()):
            assert picks(FEATURES, form, 6, group_size=2, ids=names) == [names[k] for k in REFERENCE]
    with pytest.raises(ValueError, match="labeled holds '3', which is none of ids"):
        picks(FEATURES, ["3"], 6, ids=[k if k else "zero" for k in range(N)])
    with pytest.raises(ValueError, match="labeled holds 3, which is none of ids"):
        picks(FEATURES, [3], 6, ids=[str(k) for k in range(N)])


def test_indices_of_pandas():
    pandas = pytest.importorskip("pandas")
    nested = pandas.MultiIndex.from_tuples([(f"patient-{k // 10}", k % 10) for k in range(N)])
    times = pandas.date_range("2026-01-01", periods=N, freq="h")
    words = pandas.Index([f"w{k}" for k in range(N)])
    for ids in (nested, times, words, pandas.Series(words), pandas.RangeIndex(5, N + 5), words.astype("category")):
        for labeled in (ids[LABELED] if not isinstance(ids, pandas.Series) else ids.iloc[LABELED], list(ids[k] for k in LABELED)):
            found = crc_active.select(FEATURES, labeled, 6, group_size=2, ids=ids)
            assert found.rows.tolist() == REFERENCE
            assert list(found.picks) == [ids[k] for k in REFERENCE] or list(found.picks) == list(ids.to_numpy()[REFERENCE])
    frame = pandas.DataFrame(FEATURES, index=nested)
    assert frame.loc[list(crc_active.select(frame, nested[LABELED], 6, group_size=2, ids=frame.index).picks)].shape == (6, D)
    mask = pandas.Series(np.isin(np.arange(N), LABELED), index=nested)
    assert crc_active.select(frame, mask, 6, group_size=2, ids=nested).rows.tolist() == REFERENCE
    assert crc_active.select(frame, mask.astype("boolean"), 6, group_size=2).rows.tolist() == REFERENCE
    assert picks(FEATURES, pandas.Series(LABELED, dtype="Int64"), 6, group_size=2) == REFERENCE


def test_arrays_of_jax():
    jax = pytest.importorskip("jax")
    jax.config.update("jax_platforms", "cpu")
    array = jax.numpy.asarray(FEATURES)
    found = crc_active.select(array, jax.numpy.asarray(LABELED), 6, group_size=2)
    assert found.picks.tolist() == REFERENCE and found.copied == []  # by DLPack, where it stands
    seen = []

    def address(problem):
        seen.append(problem.features.__array_interface__["data"][0])
        return np.zeros(len(problem.unlabeled))

    crc_active.register_acquisition("address_of_jax", address)
    crc_active.select(array, LABELED, 3, acquisition="address_of_jax")
    assert seen == [array.unsafe_buffer_pointer()]
    mask = jax.numpy.asarray(np.isin(np.arange(N), LABELED))
    assert picks(array, mask, 6, group_size=2) == REFERENCE
    halves = array.astype(jax.numpy.bfloat16)
    found = crc_active.select(halves, LABELED, 6, group_size=2)
    assert found.picks.tolist() == picks(np.asarray(halves, dtype=np.float32), LABELED, 6, group_size=2)
    logits = jax.numpy.asarray(LOGITS)
    assert picks(array, LABELED, 4, logits=logits, acquisition="badge") == picks(FEATURES, LABELED, 4, logits=LOGITS,
                                                                                 acquisition="badge")
    crc_active.register_acquisition("scores_of_jax", lambda p: jax.numpy.asarray(p.features[p.unlabeled, 0]))
    assert len(picks(array, LABELED, 3, acquisition="scores_of_jax")) == 3


def _pandas():
    try:
        import pandas
    except ImportError:
        return None
    return pandas


def test_candidates_are_scored_as_they_are():
    groups = np.array([[10, 11], [12, 13], [14, 15]])
    found = crc_active.select(FEATURES, LABELED, 4, candidates=groups)
    assert found.candidates.tolist() == groups.tolist() and len(found.scores) == 3


def test_weights_quotas_and_notes():
    only = picks(FEATURES, LABELED, 5, logits=LOGITS, acquisition="margin", class_weights=[0, 0, 0, 1])
    assert set(LOGITS[only].argmax(1)) == {3}
    few = picks(FEATURES, LABELED, 8, logits=LOGITS, acquisition="margin", quota=2)
    assert max(np.bincount(LOGITS[few].argmax(1))) == 2
    weights = np.zeros(N)
    weights[:10] = 1
    assert set(picks(FEATURES, LABELED, 5, logits=LOGITS, acquisition="entropy", weights=weights)) < set(range(10))
    assert crc_active.select(FEATURES, LABELED, 4, acquisition="coreset", group_size=2).notes[0] == (
        "group has no effect with acquisition coreset, which scores items one by one")


def test_arrays_of_pytorch():
    torch = pytest.importorskip("torch")
    tensor = torch.from_numpy(FEATURES)
    assert picks(tensor, LABELED, 6, group_size=2) == REFERENCE
    assert picks(tensor.clone().requires_grad_(), torch.tensor(LABELED), 6, group_size=2) == REFERENCE
    found = crc_active.select(tensor.to(torch.bfloat16), LABELED, 6, group_size=2)
    assert found.copied == ["features"]
    assert found.picks.tolist() == picks(tensor.to(torch.bfloat16).float(), LABELED, 6, group_size=2)


def test_an_acquisition_in_python():
    asked = []

    def smallest_norm(problem):
        asked.append(problem)
        return -np.linalg.norm(problem.features[problem.unlabeled], axis=1)

    crc_active.register_acquisition("smallest_norm", smallest_norm)
    assert "smallest_norm" in crc_active.acquisitions()
    found = crc_active.select(FEATURES, LABELED, 5, logits=LOGITS, labels=[0, 1, 2], acquisition="smallest_norm")
    norms = np.linalg.norm(FEATURES, axis=1)
    norms[LABELED] = np.inf
    assert found.picks.tolist() == norms.argsort()[:5].tolist()
    (problem,) = asked
    assert problem.labeled.tolist() == LABELED and problem.labels.tolist() == [0, 1, 2]
    assert problem.budget == 5 and len(problem.unlabeled) == N - 3 and problem.logits.shape == (N, C)
    crc_active.register_acquisition("smallest_norm", lambda p: p.unlabeled[: p.budget])  # picks; replaces
    assert picks(FEATURES, LABELED, 3, acquisition="smallest_norm") == [0, 1, 2]
    crc_active.register_acquisition("recursive", lambda p: crc_active.select(p.features, p.labeled, p.budget).picks)
    assert picks(FEATURES, LABELED, 4, acquisition="recursive") == picks(FEATURES, LABELED, 4)


def test_an_acquisition_that_fails():
    def broken(problem):
        raise LookupError("no such thing")

    crc_active.register_acquisition("broken", broken)
    with pytest.raises(LookupError, match="no such thing"):
        picks(FEATURES, LABELED, 3, acquisition="broken")
    for answer, words in ((np.zeros(3), "3 scores for 197 unlabeled items"), ([1, 2], "2 picks for a budget of 3"),
                          ([3, 1, 2], "item 3, which is not to choose from"), ([1, 1, 2], "item 1 twice"),
                          ("text", "scores are floats"), ([1, [2]], 'what acquisition "broken" returned is .* no array'),
                          (np.full(N - 3, np.nan), "the score of item 0 is nan; its function must return finite numbers"),
                          (None, "scores are floats"), (np.full(N - 3, -np.inf), "the score of item 0 is -inf; its func")):
        crc_active.register_acquisition("broken", lambda p, answer=answer: answer)
        with pytest.raises(ValueError, match=words) as caught:
            picks(FEATURES, LABELED, 3, acquisition="broken")
        assert caught.value.exit_code in (65, 76, 78)
    for name in ("margin", "Two Words", ""):
        with pytest.raises(ValueError):
            crc_active.register_acquisition(name, broken)
    with pytest.raises(ValueError, match="is no function"):
        crc_active.register_acquisition("nothing", 3)


LARGE = RNG.normal(size=(12_000, 16)).astype(np.float32)
TELLS = [dict(group_size=2, budget=50), dict(group_size=2, budget=50, search="independent", draws=20_000),
         dict(budget=20, search="greedy"), dict(budget=5, search="exchange"), dict(budget=50, acquisition="badge"),
         dict(budget=50, acquisition="maxherding"), dict(budget=50, acquisition="coreset"),
         dict(budget=20, acquisition="bait"), dict(budget=50, acquisition="typiclust"), dict(budget=50, acquisition="galaxy"),
         dict(budget=5, acquisition="batchbald"), dict(budget=50, acquisition="rdss"), dict(budget=50, acquisition="dcom")]


@pytest.mark.parametrize("options", TELLS, ids=["-".join(str(v) for v in options.values()) for options in TELLS])
def test_progress_is_heard(options):
    pool = LARGE[:2000] if options.get("acquisition") in ("bait", "batchbald", "dcom") else LARGE
    logits = np.random.default_rng(3).normal(size=(len(pool), 3)).astype(np.float32)
    arguments = dict(features=pool, labeled=[1, 2, 3], labels=[0, 1, 2], logits=logits, samples=np.stack([logits, -logits]),
                     **options)
    heard = []
    silent = crc_active.select(**arguments)
    found = crc_active.select(**arguments, progress=lambda *args: heard.append(args))
    assert found.picks.tolist() == silent.picks.tolist() and found.scores.tobytes() == silent.scores.tobytes()
    assert heard and all(isinstance(what, str) and 0 <= done <= total for what, done, total in heard)

    def stop(what, done, total):
        raise StopIteration("enough")

    with pytest.raises(StopIteration, match="enough"):  # and it ends the selection
        crc_active.select(**arguments, progress=stop)


def test_progress_comes_while_it_works():
    """Of crc, too: several times a second, not at its end alone."""
    pool = RNG.normal(size=(60_000, 128)).astype(np.float32)
    beats = [time.monotonic()]
    crc_active.select(pool, np.arange(100), 100, group_size=5, progress=lambda *_: beats.append(time.monotonic()))
    assert len(beats) > 4 and max(np.diff(beats)) < 0.6 * (beats[-1] - beats[0])


def test_control_c_ends_a_selection():
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # jobs in the background ignore it
    large = RNG.normal(size=(60_000, 64)).astype(np.float32)
    timer = threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGINT))
    timer.start()
    start = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        crc_active.select(large, None, 2000, acquisition="facility_location")
    assert time.monotonic() - start < 5
    signal.signal(signal.SIGINT, before)
    assert picks(FEATURES, LABELED, 6, group_size=2) == REFERENCE


def test_other_threads_of_python_run_meanwhile():
    counted, done = [0], threading.Event()

    def count():
        while not done.is_set():
            counted[0] += 1
            time.sleep(0.001)

    thread = threading.Thread(target=count)
    thread.start()
    crc_active.select(RNG.normal(size=(20_000, 64)).astype(np.float32), None, 100, acquisition="coreset")
    done.set()
    thread.join()
    assert counted[0] > 10


def test_selections_at_the_same_time():
    results = [None] * 8

    def work(k):
        results[k] = [picks(FEATURES, LABELED, 6, group_size=2, seed=k % 2) for _ in range(20)]

    threads = [threading.Thread(target=work, args=(k,)) for k in range(8)]
    [t.start() for t in threads]
    [t.join() for t in threads]
    expected = [picks(FEATURES, LABELED, 6, group_size=2, seed=s) for s in (0, 1)]
    assert all(result == [expected[k % 2]] * 20 for k, result in enumerate(results))


def test_a_forked_process_selects():
    large = RNG.normal(size=(5000, 32)).astype(np.float32)
    expected = picks(large, [1], 5)  # with all threads
    child = os.fork()
    if child == 0:
        os._exit(3 if picks(large, [1], 5) == expected else 4)
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            assert os.waitstatus_to_exitcode(status) == 3
            return
        time.sleep(0.05)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    pytest.fail("the child waits for ever")


def _calls(f) -> int:
    """How many functions Python calls meanwhile, its own and built-in ones."""
    count = 0

    def seen(frame, event, argument):
        nonlocal count
        count += event in ("call", "c_call")

    sys.setprofile(seen)
    try:
        f()
    finally:
        sys.setprofile(None)
    return count


def test_what_a_call_does_in_python_does_not_grow_with_the_pool():
    def calls(items, budget):
        pool = RNG.normal(size=(items, 8)).astype(np.float32)
        return _calls(lambda: crc_active.select(pool, np.arange(0, items, 100), budget, group_size=5))

    calls(500, 5)  # what is imported at first use
    assert calls(500, 5) == calls(20_000, 500) < 300


def test_a_call_costs_milliseconds_beside_the_engine():
    """5 ms, as fast as the same Python runs after the engine has swept the caches: on some virtual machines, a tenth."""
    pool = RNG.normal(size=(50_000, 128)).astype(np.float32)
    labeled = np.arange(0, 500, 10)

    def python() -> float:
        start = time.perf_counter()
        [str(k) for k in range(2000)]
        return time.perf_counter() - start

    overheads, cold, warm = [], [], []
    for _ in range(9):
        start = time.perf_counter()
        found = crc_active.select(pool, labeled, 50, group_size=5)
        overheads.append(time.perf_counter() - start - found.seconds)
        cold.append(python())
        warm.append(python())
    slower = max(1.0, np.median(cold) / np.median(warm))
    print(f"beside the engine's {found.seconds:.3f} s: {1e3 * np.median(overheads):.2f} ms, Python {slower:.1f} x slower")
    assert np.median(overheads) < 0.005 * slower and found.copied == []


def _resident() -> int:
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGESIZE")


def test_nothing_leaks():
    calls = int(os.environ.get("CRC_CALLS", "2000"))
    small = FEATURES[:40].copy()
    crc_active.register_acquisition("first", lambda p: p.unlabeled[: p.budget])

    def call(k):
        crc_active.select(small, [1, 2], 2, group_size=2, threads=1, progress=lambda *_: None)
        crc_active.select(small, [1, 2], 2, acquisition="first", threads=1)
        with pytest.raises(ValueError):
            crc_active.select(small, [1, 2], 0, threads=1)

    for k in range(200):
        call(k)
    gc.collect()
    before, objects = _resident(), len(gc.get_objects())
    for k in range(calls // 3):
        call(k)
    gc.collect()
    assert _resident() - before < 4 << 20
    assert len(gc.get_objects()) - objects < 200


def test_nothing_is_printed(capfd):
    crc_active.select(FEATURES, LABELED, 6, group_size=2)
    crc_active.select(FEATURES, LABELED, 6, acquisition="coreset", group_size=2)  # with a note
    with pytest.raises(ValueError):
        crc_active.select(FEATURES, LABELED, 0)
    assert capfd.readouterr() == ("", "")
