"""Wrong input: the exception that Python has for it, the words and the exit code of the command line."""

import inspect

import numpy as np
import pytest

import crc_active

from runs import ODD

N, D, C = 60, 7, 4
H = np.random.default_rng(1).normal(size=(N, D)).astype(np.float32)
P = np.random.default_rng(2).normal(size=(N, C)).astype(np.float32)
NAN, BIG = H.copy(), H.astype(np.float64)
NAN[11, 4] = np.nan
BIG[20, 0] = 1e308

# (exit code, words, positional arguments of select, the others)
WRONG = [
    (64, "nothing to choose from: give features, logits or samples", (), {"budget": 1}),
    (65, r"features holds \[60\] <f4; features are floats \[items,columns\]: one row per item", (H[:, 0].copy(), None, 5), {}),
    (65, r"features holds \[60,7,1\] <f4; .*flatten each item", (H[..., None], None, 5), {}),
    (65, "there is nothing to choose from; save the pool's rows", (H[:0], None, 5), {}),
    (65, "its rows are empty", (H[:, :0], None, 5), {}),
    (65, "complex64; features are floats", (H.astype(complex).astype(np.complex64), None, 5), {}),
    (65, "features are floats: convert it", ([["a", "b"]], None, 1), {}),
    (65, "object; features are floats", (H.astype(object), None, 1), {}),
    (65, "features has 60 rows and logits has 59; row i of both must be item i", (H, None, 5), {"logits": P[:59]}),
    (65, "are rows of one array, all of one width", ([H, H[:, :3]], None, 5), {}),
    (76, "features of item 11 are not finite: column 4", (NAN, None, 5), {}),
    (76, "logits of item 0 are not finite", (), {"logits": np.full_like(P, np.inf), "acquisition": "margin",
                                                  "budget": 2}),
    (78, "budget 61 with 60 unlabeled items; choose a budget from 1 to 60", (H, None, 61), {}),
    (78, "budget 0 with 60 unlabeled items", (H, None, 0), {}),
    (64, "budget: -1 is not in 0", (H, None, -1), {}),
    (64, "budget: 2.5 is no whole number", (H, None, 2.5), {}),
    (64, "budget: '5' is no whole number", (H, None, "5"), {}),
    (64, "budget: None is no whole number", (H, None, None), {}),
    (78, "group size 2 does not divide the budget 5", (H, None, 5), {"group_size": 2}),
    (64, "group_size: 0 is not in 1", (H, None, 5), {"group_size": 0}),
    (78, 'acquisition "crcc" is not known; use one of random, entropy', (H, None, 5), {"acquisition": "crcc"}),
    (78, 'acquisition "None" is not known', (H, None, 5), {"acquisition": None}),
    (78, 'acquisition "margin" needs logits, and none were given', (H, None, 5), {"acquisition": "margin"}),
    (78, 'acquisition "crc" needs features, and none were given', (), {"logits": P, "budget": 5}),
    (78, 'acquisition "egl" needs the network\'s Jacobians', (H, None, 5), {"acquisition": "egl"}),
    (78, 'acquisition "bald" looks at the logits of several stochastic passes: give samples', (H, None, 5),
     {"acquisition": "bald"}),
    (78, 'acquisition "galaxy" looks at the classes of what is labelled: give labels', (H, [1], 5),
     {"acquisition": "galaxy", "logits": P}),
    (78, 'acquisition "alfamix" looks at the last linear layer: give head', (H, [1], 5),
     {"acquisition": "alfamix", "labels": [0]}),
    (64, "search: best is not one of partition, independent, greedy", (H, None, 5), {"search": "best"}),
    (64, "search given takes the groups of candidates; give them", (H, None, 5), {"search": "given"}),
    (64, "solver: qr is not one of capacitance", (H, None, 5), {"solver": "qr"}),
    (78, 'device "tpu" is not known; use auto, cpu, cuda', (H, None, 5), {"device": "tpu"}),
    (64, "threads: -1 is not in 0", (H, None, 5), {"threads": -1}),
    (64, "seed: -1 is no number in its range", (H, None, 5), {"seed": -1}),
    (64, "seed: 4294967296 is no number in its range", (H, None, 5), {"seed": 2**32}),
    (64, "round: -1 is not in 0", (H, None, 5), {"round": -1}),
    (64, "radius: 'wide' is no number", (H, None, 5), {"radius": "wide"}),
    (64, "radius: -1 is not in", (H, None, 5), {"radius": -1}),
    (64, "classes: 0 is not 1 or more", (H, None, 5), {"classes": 0}),
    (65, "labeled: item 60 is outside the rows; items are row numbers from 0 to 59", (H, [3, 60], 5), {}),
    (65, "labeled: item -2 is negative", (H, [-2], 5), {}),
    (78, "item 7 is twice in the labeled list; list every item once", (H, [7, 3, 7], 5), {}),
    (65, r"labeled holds \[2\] float64; item numbers are integers", (H, [1.0, 2.0], 5), {}),
    (65, r"labeled is a mask of \[59\] booleans for 60 items", (H, np.ones(59, bool), 5), {}),
    (65, "flatten it with array.ravel", (H, [[1], [2]], 5), {}),
    (65, "labeled holds names, as 'a'; give ids, what each of the 60 items is called", (H, ["a", "b"], 5), {}),
    (65, "labeled is 3; items are a list", (H, 3, 5), {}),
    (65, "labeled is '3'; items are a list", (H, "3", 5), {}),
    (65, "labeled is .3: 1.; items are a list", (H, {3: 1}, 5), {}),
    (65, "features is 'h.npy'; features are floats: numpy.load reads", ("h.npy", None, 5), {}),
    (65, "features is <generator.*; features are floats, an array with a row", ((h for h in H), None, 5), {}),
    (78, "item 1 is both labeled and unlabeled", (H, [1], 5), {"unlabeled": [1, 2, 3, 4, 5, 6]}),
    (78, "budget 5 with 2 unlabeled items", (H, [1], 5), {"unlabeled": [2, 3]}),
    (65, "ids holds .* names for 60 items", (H, None, 5), {"ids": ["a"]}),
    (65, "ids names an item twice", (H, None, 5), {"ids": ["a"] * N}),
    (65, "labeled holds 'x', which is none of ids", (H, ["x"], 5), {"ids": [str(k) for k in range(N)]}),
    (65, "2 labels for 1 labelled items of 60", (H, [1], 5), {"labels": [0, 1]}),
    (65, "item 4 is labelled, and labels says no class of it", (H, [4], 5), {"labels": [-1] * N}),
    (65, "labels holds fractions", (H, None, 5), {"labels": [0.5] * N}),
    (65, "class -3 is not a class", (H, [1], 5), {"labels": [-3]}),
    (78, "item 1 has label 9; classes are 0 to 3", (H, [1], 5), {"labels": [9], "logits": P, "acquisition": "galaxy"}),
    (65, r"candidates holds \[2\] int64; candidate groups are items", (H, None, 2), {"candidates": [1, 2]}),
    (65, "candidates: item 60 is outside the rows", (H, None, 2), {"candidates": [[1, 60]]}),
    (78, "only 2 of the 3 groups that the budget 6 needs are disjoint", (H, None, 6), {"candidates": [[5, 6], [7, 8]]}),
    (64, "class_weights needs logits", (H, None, 5), {"class_weights": [1, 2], "acquisition": "coreset"}),
    (65, "2 weights of classes, and the logits have 4", (H, None, 5),
     {"class_weights": [1, 2], "logits": P, "acquisition": "margin"}),
    (65, "class 1 weighs -2; weights are 0 or more", (H, None, 5),
     {"class_weights": [1, -2, 1, 1], "logits": P, "acquisition": "margin"}),
    (65, "3 weights for 60 items", (H, None, 5), {"weights": [1, 1, 1], "acquisition": "coreset"}),
    (78, 'acquisition "crc" takes no weights of items', (H, None, 5), {"weights": np.ones(N)}),
    (64, "quota needs logits, which predict the class of each item, or per_cluster", (H, None, 5),
     {"quota": 1, "acquisition": "coreset"}),
    (78, "raise the quota or lower the budget", (H, None, 9), {"quota": 1, "logits": P, "acquisition": "margin"}),
    (64, "per_cluster needs features, which it clusters", (), {"logits": P, "budget": 5, "per_cluster": 2,
                                                               "acquisition": "margin"}),
    (64, "represents needs features", (), {"logits": P, "budget": 5, "acquisition": "margin", "represents": True}),
    (65, "head has 3 classes and logits has 4", (H, [1], 5), {"head": np.ones((3, D)), "logits": P, "labels": [0],
                                                             "acquisition": "alfamix"}),
    (65, "head has 6 features and features has 7", (H, [1], 5),
     {"head": np.ones((C, D - 1)), "labels": [0], "acquisition": "alfamix"}),
    (64, "bias is the head's: give head too", (H, None, 5), {"bias": np.ones(C)}),
    (71, "draw at most", (H, None, 5), {"search": "independent", "draws": 10**12}),
    (64, "is neither True nor a function", (H, None, 5), {"progress": 3}),
    (64, "nothing to choose from: give features, logits or samples", (None, [1, 2], 5), {}),
    (64, "nothing to choose from", (None, [1, 2], 5), {"ids": ["a", "b"], "unlabeled": [1]}),
    (64, "budget: 1180591620717411303424 is beyond the numbers of 64 bits", (H, None, 2**70), {}),
    (64, "seed: .* is beyond the numbers of 64 bits", (H, None, 5), {"seed": -(2**70)}),
    (64, "radius: 1000.*is beyond the range of a float", (H, None, 5), {"radius": 10**400}),
    (65, "features is .* which is no array .*features are floats, in rows of one length", ([[1.0], [1.0, 2.0]], None, 1), {}),
    (65, "labeled is .* which is no array .*items are a list", (H, [1, [2]], 5), {}),
    (65, "labels is .* which is no array .*classes are integers", (H, [1], 5), {"labels": [1, [2]]}),
    (65, "candidates is .* which is no array .*candidate groups are items", (H, None, 2), {"candidates": [[1, 2], [3]]}),
    (65, "weights is .* which is no array .*weights are numbers", (H, None, 5),
     {"weights": [1, [2]], "acquisition": "coreset"}),
    (65, "labeled holds 0 or 1 for each of 60 items; for a mask give booleans", (H, np.eye(1, N, dtype=int)[0], 5), {}),
    (65, "labeled holds 0 or 1 for each of 60 items; for a mask give booleans", (H, [1] * 3 + [0] * 57, 5), {}),
    (65, "labeled holds a number for each of 60 items, none of them NaN or -1", (H, np.eye(1, N)[0], 5), {}),
    (65, "pandas.factorize", (H, [1], 5), {"labels": ["cat"]}),
    (65, "class .* is not a class", (H, [1], 5), {"labels": np.array([2**63], np.uint64)}),
    (64, "an item: 1180591620717411303424 is beyond", (H, [2**70], 5), {}),
    (65, "ids is 'abc'; it is a list", (H, None, 5), {"ids": "abc"}),
    (65, "names are strings, numbers or tuples", (H, None, 5), {"ids": [[k] for k in range(N)]}),
    (65, r"labeled holds 1, which is none of ids \(the first is '0'\)", (H, [1], 5), {"ids": [str(k) for k in range(N)]}),
    (65, "candidates holds groups of .1, 2. items", (H, None, 1),
     {"ids": [str(k) for k in range(N)], "candidates": [["1"], ["2", "3"]]}),
    (64, "is a function: register_acquisition gives it a name", (H, None, 5), {"acquisition": len}),
    (64, "represents: 'yes' is neither True nor False", (H, None, 5), {"represents": "yes"}),
]


@pytest.mark.parametrize("code, words, args, kwargs", WRONG, ids=[w[1][:40] for w in WRONG])
def test_wrong_input(code, words, args, kwargs):
    kind = MemoryError if code == 71 else TypeError if "neither True nor False" in words else ValueError
    with pytest.raises(kind, match=words) as caught:
        crc_active.select(*args, **kwargs)
    assert isinstance(caught.value, crc_active.Error) and caught.value.exit_code == code
    assert caught.value.__cause__ is None


def test_there_are_enough_of_them():
    assert len(WRONG) >= 50


def test_no_gpu_is_no_value_error():
    try:
        crc_active.select(H, None, 5, device="cuda:99")
    except crc_active.Error as error:
        assert error.exit_code == 69 and "cuda:99" in str(error)
    else:
        pytest.fail("there is no such GPU")


def test_unknown_arguments_are_pythons_own():
    with pytest.raises(TypeError, match="unexpected keyword"):
        crc_active.select(H, None, 5, budgets=3)


ARGUMENTS = sorted(set(inspect.signature(crc_active.select).parameters) - {"draws"})  # 2^62 of them are a long time


@pytest.mark.parametrize("argument", ARGUMENTS)
def test_whatever_is_given_is_answered(argument):
    base = {"features": H, "labeled": [1, 5], "budget": 4, "logits": P, "labels": [0, 1]}
    for value in ODD:
        if argument == "progress" and callable(value):
            continue  # what it raises when it is called is its own
        for names in (None, [f"n{k}" for k in range(N)]):
            arguments = {**base, argument: value}
            if names is not None:
                arguments.update({"ids": names, "labeled": ["n1", "n5"], argument: value})
            try:
                crc_active.select(**arguments)
            except crc_active.Error as error:
                assert error.exit_code in (64, 65, 66, 69, 71, 76, 78), (argument, value, error)
                assert 12 < len(str(error)) < 600, (argument, value, error)
